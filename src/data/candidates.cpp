#include "src/data/candidates.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace recpo::data {

Random question_random(std::uint64_t seed, const char* use, const Question& question) {
  const auto index = static_cast<std::uint64_t>(question.user) << 32 | static_cast<std::uint32_t>(question.position);
  return Random(seed, std::string("data/") + use + "/" + split_name(question.split), index);
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
  const std::string split = split_name(question.split);
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
