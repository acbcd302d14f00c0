#include "src/evaluation/evaluation_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/evaluation/figures.hpp"

namespace recpo::evaluation {
namespace {
using Json = nlohmann::ordered_json;
using Predictions = std::vector<Prediction>;

Json to_json(const std::optional<double>& value) { return value ? Json(*value) : Json(); }
Json to_json(const std::optional<Interval>& interval) {
  return interval ? Json::array({interval->low, interval->high}) : Json();
}

// Expected share of hits of a system that names a candidate at random. Rows with equally many candidates are counted
// first, so that 20 everywhere give 0.05 and not its neighbour.
std::optional<double> chance_of_hit(const Predictions& predictions) {
  if (predictions.empty()) return std::nullopt;
  std::map<std::int32_t, double> hits_of_count;
  for (const Prediction& p : predictions)
    if (p.candidates > 0) hits_of_count[p.candidates] += p.split == data::Split::kAvoidance ? p.candidates - 1 : 1;
  double sum = 0;
  for (const auto& [candidates, hits] : hits_of_count) sum += hits / candidates;
  return sum / static_cast<double>(predictions.size());
}

Json ranked_json(const RankFigures& ranked) {
  Json json;
  for (std::size_t i = 0; i < std::size(kCutoffs); ++i) {
    json[fmt::format("hr@{}", kCutoffs[i])] = ranked.hit_rate[i];
    json[fmt::format("ndcg@{}", kCutoffs[i])] = ranked.ndcg[i];
  }
  return json;
}

// `stream` keeps the draws of different tests apart.
Json figures_json(const Predictions& predictions, std::uint64_t seed, const std::string& stream) {
  const Outcomes outcomes = count_outcomes(predictions);
  const Intervals intervals = bootstrap_intervals(outcomes, seed, "bootstrap " + stream);
  Json json = {{"rows", outcomes.rows}, {"valid", outcomes.valid}, {"hits", outcomes.hits}};
  json["hr@1"] = to_json(outcomes.hit_rate());
  json["hr@1_ci95"] = to_json(intervals.hit_rate);
  json["valid_ratio"] = to_json(outcomes.valid_ratio());
  json["valid_ratio_ci95"] = to_json(intervals.valid_ratio);
  json["hr@1_valid"] = to_json(outcomes.valid_hit_rate());
  json["hr@1_valid_ci95"] = to_json(intervals.valid_hit_rate);
  json["chance"] = to_json(chance_of_hit(predictions));
  if (const auto ranked = rank_figures(predictions)) json["ranked"] = ranked_json(*ranked);
  return json;
}

// Fixed edges, so that systems and data sets share them; the last bucket has no upper edge.
constexpr std::array<std::int32_t, 7> kBucketBegins = {0, 10, 20, 40, 80, 160, 320};

Json history_json(const Predictions& predictions, std::uint64_t seed) {
  Json buckets = Json::array();
  for (std::size_t b = 0; b < kBucketBegins.size(); ++b) {
    const bool last = b + 1 == kBucketBegins.size();
    Predictions inside;
    for (const Prediction& p : predictions)
      if (p.history_length >= kBucketBegins[b] && (last || p.history_length < kBucketBegins[b + 1]))
        inside.push_back(p);
    if (inside.empty()) continue;
    Json bucket = {{"from", kBucketBegins[b]}, {"to", last ? Json() : Json(kBucketBegins[b + 1] - 1)}};
    bucket.update(figures_json(inside, seed, fmt::format("history {}", b)));
    buckets.push_back(std::move(bucket));
  }
  return buckets;
}

std::optional<double> relative_spread(const Json& buckets) {
  if (buckets.empty()) return std::nullopt;
  double low = 1, high = 0, sum = 0;
  for (const Json& bucket : buckets) {
    const double rate = bucket["hr@1"].get<double>();
    low = std::min(low, rate), high = std::max(high, rate), sum += rate;
  }
  if (sum == 0) return std::nullopt;
  return (high - low) / (sum / static_cast<double>(buckets.size()));
}

Predictions of_split(const Predictions& predictions, data::Split split) {
  Predictions result;
  std::copy_if(predictions.begin(), predictions.end(), std::back_inserter(result),
               [&](const Prediction& p) { return p.split == split; });
  return result;
}

void add_rate(Json& json, const std::string& name, const std::string& source) {
  json[name] = json[source];
  json[name + "_ci95"] = json[source + "_ci95"];
}
}  // namespace

std::string evaluation_json(const std::vector<Prediction>& predictions, const EvaluationOptions& options,
                            std::uint64_t seed) {
  const Predictions main = of_split(predictions, options.split == "valid" ? data::Split::kValid : data::Split::kTest);
  Json json = Json::object();
  for (const std::string& test : options.tests) {
    if (test == "main") {
      json["main"] = figures_json(main, seed, test);
    } else if (test == "adherence") {
      json[test] = figures_json(of_split(predictions, data::Split::kAdherence), seed, test);
      add_rate(json[test], "adherence_rate", "hr@1");
    } else if (test == "avoidance") {
      Predictions rows = of_split(predictions, data::Split::kAvoidance);
      for (Prediction& row : rows) row.chosen_rank = 0;  // ranks the item to avoid: no hit rate
      json[test] = figures_json(rows, seed, test);
      add_rate(json[test], "avoidance_rate", "hr@1");
      add_rate(json[test], "avoidance_rate_valid", "hr@1_valid");
    } else {
      json[test] = history_json(main, seed);
      json[test + "_spread"] = to_json(relative_spread(json[test]));
    }
  }
  return json.dump(2);
}

}  // namespace recpo::evaluation
