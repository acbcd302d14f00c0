#include "src/data/synthetic.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <numeric>
#include <string_view>
#include <utility>

#include "src/data/dataset.hpp"
#include "src/data/questions.hpp"
#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::data {
namespace {
constexpr std::array kGenres = {"Comedy", "Western", "Space",  "Crime",   "Ocean",  "Music",
                                "Horror", "Romance", "Sports", "History", "Nature", "Fantasy"};
static_assert(kGenres.size() == SyntheticOptions::kMaxGenres);
constexpr std::string_view kConsonants = "bdklmnrstvz", kVowels = "aou";
constexpr std::int64_t kSyllables = static_cast<std::int64_t>(kConsonants.size() * kVowels.size());
constexpr std::int64_t kNames = kSyllables * kSyllables;
constexpr std::int64_t kNameStep = 415;  // has no divisor in common with kNames: neighbours get unlike names
constexpr int kLoved = 5, kLiked = 4, kOthers = 3, kMiddle = 3;

std::string syllable(std::int64_t number) {
  const auto i = static_cast<std::size_t>(number);
  return {kConsonants[i / kVowels.size()], kVowels[i % kVowels.size()]};
}

std::string item_name(std::int64_t item) {
  const std::int64_t number = item * kNameStep % kNames;
  std::string name = syllable(number / kSyllables) + syllable(number % kSyllables);
  name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

void check_range(const char* key, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (!(value >= low && value <= high)) throw_usage("synthetic.{} = {} must lie in [{}, {}]", key, value, low, high);
}

Random user_random(const SyntheticOptions& options, std::int64_t user) {
  return Random(options.seed, "synthetic/user", static_cast<std::uint64_t>(user));
}

std::int64_t draw_type(const SyntheticOptions& options, Random& random) {
  return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(options.types)));
}
}  // namespace

void check_synthetic(const SyntheticOptions& options) {
  check_values(options, "synthetic");
  check_range("titles", options.titles, 1, kNames / options.genres);
  check_range("longest", options.longest, 1, options.genres * options.titles);
  check_range("shortest", options.shortest, 1, options.longest);
}

SyntheticWorld::SyntheticWorld(const SyntheticOptions& options) : options_(options) {
  check_synthetic(options);
  for (std::int64_t type = 0; type < options.types; ++type) {
    Random random(options.seed, "synthetic/taste", static_cast<std::uint64_t>(type));
    std::vector<int> tastes(static_cast<std::size_t>(options.genres));
    for (int& taste : tastes) taste = kLowestRating + static_cast<int>(random.below(kOthers));
    tastes[0] = kLoved;
    tastes[1] = kLiked;
    random.shuffle(tastes);
    taste_.insert(taste_.end(), tastes.begin(), tastes.end());
  }
}

std::string SyntheticWorld::title(std::int64_t item) const {
  return item_name(item) + " " + kGenres[static_cast<std::size_t>(genre(item))];
}

double SyntheticWorld::rate(std::int64_t type, std::int64_t item) const {
  return std::exp(options_.eagerness * (taste(type, genre(item)) - kMiddle)) / kMeanWaitDays;
}

double SyntheticWorld::rating_chance(int rating, int taste) const {
  return (rating == taste ? 1 - options_.rating_noise : 0) + options_.rating_noise / kHighestRating;
}

std::int64_t SyntheticWorld::type_of(std::int64_t user) const {
  Random random = user_random(options_, user);
  return draw_type(options_, random);
}

std::vector<SyntheticInteraction> SyntheticWorld::interactions(std::int64_t user) const {
  Random random = user_random(options_, user);
  const std::int64_t type = draw_type(options_, random);
  const auto length =
      options_.shortest +
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(options_.longest - options_.shortest + 1)));
  std::vector<SyntheticInteraction> waiting;
  for (std::int64_t item = 0; item < items(); ++item)
    waiting.push_back({item, 0, -std::log1p(-random.uniform()) / rate(type, item)});
  std::ranges::sort(waiting, {}, [](const auto& i) { return std::pair(i.days, i.item); });
  waiting.resize(static_cast<std::size_t>(length));
  for (SyntheticInteraction& taken : waiting) {
    const bool honest = random.uniform() >= options_.rating_noise;
    taken.rating =
        honest ? taste(type, genre(taken.item)) : kLowestRating + static_cast<int>(random.below(kHighestRating));
  }
  return waiting;
}

namespace {
void check_exact(const DataOptions& options) {
  if (find_dataset(options.dataset).generate == nullptr)
    throw_usage("data.dataset = {}: the best possible answer is known for synthetic only", options.dataset);
  const auto refuse_unless = [](bool exact, const char* key, const auto& value, const char* right) {
    if (!exact) throw_usage("{} = {}: the best possible answer is known for {} only", key, value, right);
  };
  refuse_unless(!shows_liked_only(options.tier), "data.tier", name_of(options.tier), "full and full+rating");
  refuse_unless(options.k_core_users == 0, "data.k_core_users", options.k_core_users, "0");
  refuse_unless(options.k_core_items == 0, "data.k_core_items", options.k_core_items, "0");
  refuse_unless(options.adherence_following == 2, "data.adherence_following", options.adherence_following, "2");
  refuse_unless(options.adherence_positive == AdherencePositive::kNearest, "data.adherence_positive",
                name_of(options.adherence_positive), "nearest");
}
}  // namespace

// Items of a row, and for each type the summed rates of those that the history leaves.
struct SyntheticPosterior::Question {
  std::vector<std::int64_t> history, candidates;
  std::vector<double> rate_left;  // [types] W_z(U)
};

SyntheticPosterior::SyntheticPosterior(const DataOptions& options)
    : world_(options.synthetic), ratings_shown_(shows_ratings(options.tier)), liked_rating_(options.liked_rating) {
  check_exact(options);
}

SyntheticPosterior::Question SyntheticPosterior::read(const Row& row) const {
  if (static_cast<std::int32_t>(row.history.size()) != row.history_length)
    throw_usage(
        "row {}: the prompt shows {} of {} interactions; the best possible answer is known where it shows all: "
        "raise data.max_history or model.max_tokens",
        row.id, row.history.size(), row.history_length);
  std::vector<bool> taken(static_cast<std::size_t>(world_.items()));
  const auto number = [&](const std::string& id, const std::string& title) {
    std::int64_t item = -1;
    std::from_chars(id.data(), id.data() + id.size(), item);
    const bool known = item >= 0 && item < world_.items() && !taken[static_cast<std::size_t>(item)];
    if (!known || world_.title(item) != title)
      throw_input("row {}: item {} ({}) does not belong to the world of [synthetic]", row.id, id, title);
    taken[static_cast<std::size_t>(item)] = true;
    return item;
  };
  Question question;
  for (const HistoryItem& shown : row.history) question.history.push_back(number(shown.item, shown.title));
  const std::vector<bool> taken_by_history = taken;
  for (const Candidate& candidate : row.candidates)
    question.candidates.push_back(number(candidate.item, candidate.title));
  for (std::int64_t type = 0; type < world_.types(); ++type) {
    double left = 0;
    for (std::int64_t item = 0; item < world_.items(); ++item)
      if (!taken_by_history[static_cast<std::size_t>(item)]) left += world_.rate(type, item);
    question.rate_left.push_back(left);
  }
  return question;
}

double SyntheticPosterior::share(std::int64_t type, std::int64_t item, double lowest, double highest) const {
  double sum = 0;
  for (int rating = SyntheticWorld::kLowestRating; rating <= SyntheticWorld::kHighestRating; ++rating)
    if (rating >= lowest && rating <= highest)
      sum += world_.rating_chance(rating, world_.taste(type, world_.genre(item)));
  return sum;
}

// L_z, divided by the largest.
std::vector<double> SyntheticPosterior::type_weights(const Row& row, const Question& question) const {
  std::vector<double> weights;
  for (std::int64_t type = 0; type < world_.types(); ++type) {
    double log_weight = 0, left = question.rate_left[static_cast<std::size_t>(type)];
    for (std::size_t t = question.history.size(); t-- > 0;) {  // backwards: what is left grows by every item
      const std::int64_t item = question.history[t];
      const double rate = world_.rate(type, item);
      left += rate;
      log_weight += std::log(rate / left);
      if (ratings_shown_) log_weight += std::log(share(type, item, row.history[t].rating, row.history[t].rating));
    }
    weights.push_back(log_weight);
  }
  const double largest = *std::ranges::max_element(weights);
  for (double& weight : weights) weight = std::exp(weight - largest);
  return weights;
}

// The factor behind L_z.
double SyntheticPosterior::chance(std::int64_t type, std::size_t candidate, Split asked,
                                  const Question& question) const {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::int64_t item = question.candidates[candidate];
  const double left = question.rate_left[static_cast<std::size_t>(type)], rate = world_.rate(type, item);
  if (asked == Split::kAvoidance) return rate / left * share(type, item, 0, kDislikedRating);
  const double next = rate / left * share(type, item, liked_rating_, kInfinity);
  if (asked == Split::kTest) return next;
  double follows = 0, follows_liked = 0;
  for (std::size_t d = 0; d < question.candidates.size(); ++d) {
    if (d == candidate) continue;
    const std::int64_t other = question.candidates[d];
    const double then = world_.rate(type, other) / (left - rate);
    follows += then;
    follows_liked += then * share(type, other, liked_rating_, kInfinity);
  }
  return next * (asked == Split::kValid ? 1 - follows : follows_liked);
}

std::vector<double> SyntheticPosterior::answer(const Row& row, Split asked) const {
  RECPO_REQUIRE(asked != Split::kTrain);
  const Question question = read(row);
  const std::vector<double> weights = type_weights(row, question);
  std::vector<double> answer(row.candidates.size());
  for (std::size_t c = 0; c < answer.size(); ++c)
    for (std::size_t type = 0; type < weights.size(); ++type)
      if (weights[type] > 0) answer[c] += weights[type] * chance(static_cast<std::int64_t>(type), c, asked, question);
  const double sum = std::accumulate(answer.begin(), answer.end(), 0.0);
  if (!(sum > 0)) throw_input("row {}: such ratings cannot be in the world of [synthetic]", row.id);
  for (double& value : answer) value /= sum;
  return answer;
}

std::vector<double> SyntheticPosterior::scores(const Row& row) const {
  return answer(row, row.split == Split::kAvoidance ? Split::kTest : row.split);
}

double SyntheticPosterior::hit_chance(const Row& row) const {
  const std::vector<double> values = scores(row);
  const auto best = std::ranges::max_element(values);
  if (row.split != Split::kAvoidance) return *best;
  return 1 - answer(row, Split::kAvoidance)[static_cast<std::size_t>(best - values.begin())];
}

}  // namespace recpo::data
