#include "src/data/synthetic/posterior.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>

#include "src/data/questions.hpp"
#include "src/support/check.hpp"

namespace recpo::data {
namespace {
void check_exact(const DataOptions& options) {
  if (options.dataset != "synthetic")
    throw_usage("data.dataset = {}: the best possible answer is known for synthetic only", options.dataset);
  const auto refuse_unless = [](bool exact, const char* key, const auto& value, const char* right) {
    if (!exact) throw_usage("{} = {}: the best possible answer is known for {} only", key, value, right);
  };
  refuse_unless(options.tier.starts_with("full"), "data.tier", options.tier, "full and full+rating");
  refuse_unless(options.k_core_users == 0, "data.k_core_users", options.k_core_users, "0");
  refuse_unless(options.k_core_items == 0, "data.k_core_items", options.k_core_items, "0");
  refuse_unless(options.adherence_following == 2, "data.adherence_following", options.adherence_following, "2");
  refuse_unless(options.adherence_positive == "nearest", "data.adherence_positive", options.adherence_positive,
                "nearest");
}
}  // namespace

// Items of a row, and for each type the summed rates of those that the history leaves.
struct SyntheticPosterior::Question {
  std::vector<std::int64_t> history, candidates;
  std::vector<double> rate_left;  // [types] W_z(U)
};

SyntheticPosterior::SyntheticPosterior(const DataOptions& options)
    : world_(options.synthetic),
      ratings_shown_(options.tier.ends_with("+rating")),
      liked_rating_(options.liked_rating) {
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
