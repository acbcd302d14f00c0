// "history-length": [{"from", "to", metrics}, ..], main's rows by interactions before the question, and
// "history-length_spread" = (largest - smallest hr@1) / mean hr@1 over these buckets.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "src/evaluation/evaluation_test.hpp"
#include "src/evaluation/prediction.hpp"

namespace recpo::evaluation {
namespace {
using Json = nlohmann::ordered_json;

// Fixed edges, so that systems and data sets share them; the last bucket has no upper edge.
constexpr std::array<std::int32_t, 7> kBucketBegins = {0, 10, 20, 40, 80, 160, 320};

Json buckets_json(const Predictions& rows, std::uint64_t seed) {
  Json buckets = Json::array();
  for (std::size_t b = 0; b < kBucketBegins.size(); ++b) {
    const bool last = b + 1 == kBucketBegins.size();
    Predictions inside;
    for (const Prediction& row : rows)
      if (row.history_length >= kBucketBegins[b] && (last || row.history_length < kBucketBegins[b + 1]))
        inside.push_back(row);
    if (inside.empty()) continue;
    Json bucket = {{"from", kBucketBegins[b]}, {"to", last ? Json() : Json(kBucketBegins[b + 1] - 1)}};
    bucket.update(metrics_json(inside, seed, fmt::format("history {}", b)));
    buckets.push_back(std::move(bucket));
  }
  return buckets;
}

Json relative_spread(const Json& buckets) {
  double low = 1, high = 0, sum = 0;
  for (const Json& bucket : buckets) {
    const double rate = bucket["hr@1"].get<double>();
    low = std::min(low, rate), high = std::max(high, rate), sum += rate;
  }
  return sum == 0 ? Json() : Json((high - low) / (sum / static_cast<double>(buckets.size())));
}

void write(const EvaluationTest& test, const Predictions& rows, std::uint64_t seed, Json& json) {
  json[test.name] = buckets_json(rows, seed);
  json[fmt::format("{}_spread", test.name)] = relative_spread(json[test.name]);
}
}  // namespace

extern const EvaluationTest history_length;
const EvaluationTest history_length = {
    .name = "history-length",
    .label = "HR@1 by length of the history",
    .meaning = "HR@1 over the number of interactions before the question.",
    .figure = "figure4c",
    .run_figure = "history",
    .order = 40,
    .split = main_split,
    .write = write,
};

}  // namespace recpo::evaluation
