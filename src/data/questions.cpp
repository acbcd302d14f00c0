#include "src/data/questions.hpp"

#include <algorithm>
#include <numeric>

namespace recpo::data {
namespace {
using Sequence = std::span<const Interaction>;
constexpr double kSecondsPerDay = 86400;

std::int32_t length_of(Sequence sequence) { return static_cast<std::int32_t>(sequence.size()); }

bool is_liked(const Interaction& interaction, const DataOptions& options) {
  return interaction.level >= options.liked_rating;
}

// The interaction of largest utility in [first, last); the earlier of equals.
std::int32_t best_utility(Sequence sequence, std::int32_t position, std::span<const std::int32_t> indices,
                          const DataOptions& options) {
  std::int32_t best = indices.front();
  double best_value = -1;
  for (const std::int32_t i : indices) {
    const double value =
        utility(sequence[static_cast<std::size_t>(i)].level, latency(sequence, position, i, options), options.alpha);
    if (value > best_value) {
      best = i;
      best_value = value;
    }
  }
  return best;
}

std::int32_t window_end(Sequence sequence, std::int32_t position, const DataOptions& options) {
  const auto train_end = static_cast<std::int64_t>(sequence.size()) - 2;
  return static_cast<std::int32_t>(std::min<std::int64_t>(position + options.window, train_end));
}

std::optional<std::int32_t> preferred_following(Sequence sequence, std::int32_t position, const DataOptions& options) {
  std::vector<std::int32_t> window(static_cast<std::size_t>(window_end(sequence, position, options) - position));
  std::iota(window.begin(), window.end(), position);
  const auto liked = [&](std::int32_t i) { return is_liked(sequence[static_cast<std::size_t>(i)], options); };
  if (options.positive == Positive::kNextLiked) {
    const auto first = std::ranges::find_if(window, liked);
    return first == window.end() ? std::nullopt : std::optional(*first);
  }
  const std::int32_t best = best_utility(sequence, position, window, options);
  return liked(best) ? std::optional(best) : std::nullopt;
}

// The liked ones among the last interactions that an adherence row looks at.
std::vector<std::int32_t> liked_at_end(Sequence sequence, std::int32_t position, const DataOptions& options) {
  std::vector<std::int32_t> liked;
  for (std::int32_t i = position; i < length_of(sequence); ++i)
    if (is_liked(sequence[static_cast<std::size_t>(i)], options)) liked.push_back(i);
  return liked;
}

struct Finder {
  const Sequences& sequences;
  const DataOptions& options;
  Dropped& dropped;
  std::vector<Question>& questions;

  void train(std::int32_t user, Sequence sequence) {
    for (std::int32_t position = 1; position < length_of(sequence) - 2; ++position) {
      if (position < options.min_history) {
        ++dropped["train: history shorter than data.min_history"];
      } else if (const auto preferred = preferred_following(sequence, position, options)) {
        questions.push_back({Split::kTrain, user, position, *preferred});
      } else {
        ++dropped["train: preferred item not liked"];
      }
    }
  }

  // The item that is `from_end` interactions before the end of the sequence.
  void held_out(Split split, std::int32_t user, Sequence sequence, std::int32_t from_end) {
    const std::int32_t position = length_of(sequence) - from_end;
    const std::string name = name_of(split);
    if (position < 1) {
      ++dropped[name + ": no history"];
    } else if (!is_liked(sequence[static_cast<std::size_t>(position)], options)) {
      ++dropped[name + ": item not liked"];
    } else {
      questions.push_back({split, user, position, position});
    }
  }

  void adherence(std::int32_t user, Sequence sequence) {
    const auto position = static_cast<std::int32_t>(length_of(sequence) - options.adherence_following);
    const auto liked = position < 1 ? std::vector<std::int32_t>() : liked_at_end(sequence, position, options);
    if (liked.size() < 2) {
      ++dropped["adherence: fewer than two liked items at the end"];
      return;
    }
    const bool best = options.adherence_positive == AdherencePositive::kBestUtility;
    const std::int32_t preferred = best ? best_utility(sequence, position, liked, options) : liked.front();
    questions.push_back({Split::kAdherence, user, position, preferred});
  }

  void avoidance(std::int32_t user, Sequence sequence) {
    const std::int32_t last = length_of(sequence) - 1;
    if (last >= 1 && sequence.back().level <= kDislikedRating) {
      questions.push_back({Split::kAvoidance, user, last, last});
    } else {
      ++dropped["avoidance: last item not disliked"];
    }
  }
};
}  // namespace

Sequences build_sequences(const Ratings& ratings) {
  Sequences sequences;
  sequences.begin.assign(ratings.users.size() + 1, 0);
  for (const Interaction& interaction : ratings.interactions)
    ++sequences.begin[static_cast<std::size_t>(interaction.user) + 1];
  std::partial_sum(sequences.begin.begin(), sequences.begin.end(), sequences.begin.begin());
  std::vector<std::int64_t> place(sequences.begin.begin(), sequences.begin.end() - 1);
  sequences.interactions.resize(ratings.interactions.size());
  for (const Interaction& interaction : ratings.interactions)
    sequences.interactions[static_cast<std::size_t>(place[static_cast<std::size_t>(interaction.user)]++)] = interaction;
  for (std::size_t user = 0; user < ratings.users.size(); ++user)
    std::stable_sort(sequences.interactions.begin() + sequences.begin[user],
                     sequences.interactions.begin() + sequences.begin[user + 1],
                     [](const Interaction& a, const Interaction& b) { return a.time < b.time; });
  return sequences;
}

std::vector<Question> find_questions(const Sequences& sequences, const DataOptions& options, Dropped& dropped) {
  std::vector<Question> questions;
  Finder find{sequences, options, dropped, questions};
  const auto users = static_cast<std::int32_t>(sequences.begin.size() - 1);
  const auto for_each_user = [&](const auto& ask) {
    for (std::int32_t user = 0; user < users; ++user)
      if (const Sequence sequence = sequences.of_user(user); !sequence.empty()) ask(user, sequence);
  };
  for_each_user([&](std::int32_t user, Sequence sequence) { find.train(user, sequence); });
  for_each_user([&](std::int32_t user, Sequence sequence) { find.held_out(Split::kValid, user, sequence, 2); });
  for_each_user([&](std::int32_t user, Sequence sequence) { find.held_out(Split::kTest, user, sequence, 1); });
  for_each_user([&](std::int32_t user, Sequence sequence) { find.adherence(user, sequence); });
  for_each_user([&](std::int32_t user, Sequence sequence) { find.avoidance(user, sequence); });
  return questions;
}

void draw_training(std::vector<Question>& questions, std::int64_t max_train_rows, std::uint64_t seed,
                   Dropped& dropped) {
  const auto is_train = [](const Question& question) { return question.split == Split::kTrain; };
  const auto train_end = std::ranges::find_if_not(questions, is_train);
  const auto available = train_end - questions.begin();
  if (max_train_rows == 0 || available <= max_train_rows) return;
  std::vector<std::int64_t> order(static_cast<std::size_t>(available));
  std::iota(order.begin(), order.end(), 0);
  Random(seed, "data/train-rows").shuffle(order);
  order.resize(static_cast<std::size_t>(max_train_rows));
  std::ranges::sort(order);
  std::vector<Question> drawn;
  for (const std::int64_t i : order) drawn.push_back(questions[static_cast<std::size_t>(i)]);
  drawn.insert(drawn.end(), train_end, questions.end());
  questions = std::move(drawn);
  dropped["train: over data.max_train_rows"] += available - max_train_rows;
}

std::vector<std::int32_t> followed(Sequence sequence, const Question& question, const DataOptions& options) {
  std::vector<std::int32_t> indices{question.preferred};
  const auto add = [&](std::int32_t i) {
    if (i != question.preferred) indices.push_back(i);
  };
  if (question.split == Split::kTrain)
    for (std::int32_t i = question.position; i < window_end(sequence, question.position, options); ++i) add(i);
  if (question.split == Split::kAdherence)
    for (const std::int32_t i : liked_at_end(sequence, question.position, options)) add(i);
  return indices;
}

double latency(Sequence sequence, std::int32_t position, std::int32_t index, const DataOptions& options) {
  if (options.latency_unit == LatencyUnit::kSteps) return index - position + 1;
  const std::int64_t now = sequence[static_cast<std::size_t>(position - 1)].time;
  const std::int64_t then = sequence[static_cast<std::size_t>(index)].time;
  return std::max(1.0, (static_cast<double>(then) - static_cast<double>(now)) / kSecondsPerDay);
}

Random question_random(std::uint64_t seed, const char* use, const Question& question) {
  const auto index = static_cast<std::uint64_t>(question.user) << 32 | static_cast<std::uint32_t>(question.position);
  return Random(seed, std::string("data/") + use + "/" + name_of(question.split), index);
}

CandidateDrawer::CandidateDrawer(const Ratings& ratings, const Sequences& sequences, const DataOptions& options,
                                 std::uint64_t seed)
    : ratings_(ratings), sequences_(sequences), options_(options), seed_(seed) {
  std::vector<bool> in_pool(ratings.items.size()), has_title(static_cast<std::size_t>(ratings.num_titles));
  for (const Interaction& interaction : sequences.interactions) {
    in_pool[static_cast<std::size_t>(interaction.item)] = true;
    has_title[static_cast<std::size_t>(title_of(interaction.item))] = true;
  }
  for (std::size_t item = 0; item < in_pool.size(); ++item)
    if (in_pool[item]) pool_.push_back(static_cast<std::int32_t>(item));
  pool_titles_ = std::ranges::count(has_title, true);
  used_by_.assign(has_title.size(), 0);
}

// Marks the titles of everything the user ever interacted with.
void CandidateDrawer::mark_user(std::int32_t user) {
  if (std::exchange(marked_user_, user) == user) return;
  user_stamp_ = ++stamp_;
  user_titles_ = 0;
  for (const Interaction& interaction : sequences_.of_user(user)) {
    auto& used = used_by_[static_cast<std::size_t>(title_of(interaction.item))];
    user_titles_ += used != user_stamp_;
    used = user_stamp_;
  }
}

std::optional<CandidateSet> CandidateDrawer::draw(const Question& question, Dropped& dropped) {
  mark_user(question.user);
  const auto sequence = sequences_.of_user(question.user);
  const std::string split = name_of(question.split);
  const auto wanted = static_cast<std::size_t>(options_.candidates);

  std::vector<DrawnCandidate> chosen;
  std::vector<std::int32_t> titles;
  const auto is_new = [&](std::int32_t title) { return std::ranges::find(titles, title) == titles.end(); };
  const auto add = [&](std::int32_t item, std::int32_t index) {
    chosen.push_back({item, index});
    titles.push_back(title_of(item));
  };
  const std::vector<std::int32_t> with_feedback = followed(sequence, question, options_);
  for (const std::int32_t index : with_feedback) {
    const std::int32_t item = sequence[static_cast<std::size_t>(index)].item;
    if (chosen.size() < wanted && is_new(title_of(item))) add(item, index);
  }
  if (question.split == Split::kAdherence && chosen.size() < with_feedback.size()) {
    ++dropped[split + ": liked items at the end share a title"];
    return std::nullopt;
  }
  if (pool_titles_ - user_titles_ < static_cast<std::int64_t>(wanted - chosen.size())) {
    ++dropped[split + ": fewer new items than data.candidates needs"];
    return std::nullopt;
  }
  Random random = question_random(seed_, "candidates", question);
  while (chosen.size() < wanted) {
    const std::int32_t item = pool_[random.below(pool_.size())];
    const std::int32_t title = title_of(item);
    if (used_by_[static_cast<std::size_t>(title)] != user_stamp_ && is_new(title)) add(item, -1);
  }

  // The preferred candidate was added first; follow it through the shuffle.
  std::vector<std::int32_t> order(wanted);
  std::iota(order.begin(), order.end(), 0);
  random.shuffle(order);
  CandidateSet set;
  for (const std::int32_t i : order) {
    if (i == 0) set.preferred = static_cast<std::int32_t>(set.candidates.size());
    set.candidates.push_back(chosen[static_cast<std::size_t>(i)]);
  }
  std::iota(order.begin(), order.end(), 0);
  std::erase(order, set.preferred);
  question_random(seed_, "negatives", question).shuffle(order);
  set.negatives = std::move(order);
  return set;
}

}  // namespace recpo::data
