#include "src/evaluation/metrics.hpp"

#include <algorithm>
#include <numeric>

#include "src/evaluation/prediction.hpp"
#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::evaluation {

#define RECPO_METRICS(name) extern const Metrics name;
#include "metric_list.inc"
#undef RECPO_METRICS

namespace {
// One draw of outcomes.rows rows with replacement. Rows are alike but for their outcome, so they stand sorted: hits,
// then other valid ones, then invalid ones. Two draws of 32 bits come from each random number; a row's share of 2^32 is
// equal to 1 / rows within 2^-32.
Outcomes resample(const Outcomes& outcomes, Random& random) {
  const auto rows = static_cast<std::uint64_t>(outcomes.rows);
  const auto valid = static_cast<std::uint64_t>(outcomes.valid), hits = static_cast<std::uint64_t>(outcomes.hits);
  Outcomes drawn{outcomes.rows, 0, 0};
  const auto draw = [&](std::uint64_t bits) {
    const std::uint64_t row = bits * rows >> 32;
    drawn.hits += row < hits;
    drawn.valid += row < valid;
  };
  for (std::uint64_t i = 0; i + 1 < rows; i += 2) {
    const std::uint64_t bits = random.next();
    draw(bits >> 32);
    draw(bits & 0xFFFFFFFFu);
  }
  if (rows % 2 == 1) draw(random.next() >> 32);
  return drawn;
}
}  // namespace

const std::vector<const Metric*>& metrics() {
  static const std::vector<const Metric*> all = [] {
    std::vector<const Metric*> listed;
#define RECPO_METRICS(name) \
  for (const Metric& metric : name) listed.push_back(&metric);
#include "metric_list.inc"
#undef RECPO_METRICS
    std::ranges::sort(listed, {}, &Metric::order);
    return listed;
  }();
  return all;
}

const Metric& find_metric(std::string_view full_name) {
  const auto found = std::ranges::find(metrics(), full_name, [](const Metric* metric) { return metric->full_name(); });
  RECPO_REQUIRE(found != metrics().end());
  return **found;
}

Outcomes count_outcomes(const std::vector<Prediction>& predictions) {
  Outcomes outcomes;
  for (const Prediction& prediction : predictions) {
    ++outcomes.rows;
    outcomes.valid += prediction.valid;
    outcomes.hits += prediction.hit;
  }
  return outcomes;
}

std::optional<std::vector<double>> values_of_ranks(const std::vector<Prediction>& predictions, const OfRank& of) {
  if (predictions.empty()) return std::nullopt;
  std::vector<double> values;
  for (const Prediction& prediction : predictions) {
    if (!prediction.ranking) return std::nullopt;
    const auto& [first, last, candidates, log_softmax] = *prediction.ranking;
    double sum = 0;
    for (std::int32_t rank = first; rank <= last; ++rank) sum += of(rank, *prediction.ranking);
    values.push_back(sum / (last - first + 1));
  }
  return values;
}

std::optional<double> mean_of_ranks(const std::vector<Prediction>& predictions, const OfRank& of) {
  const auto values = values_of_ranks(predictions, of);
  if (!values) return std::nullopt;
  return std::accumulate(values->begin(), values->end(), 0.0) / static_cast<double>(values->size());
}

std::optional<Interval> bootstrap_interval(Share share, const Outcomes& outcomes, std::uint64_t seed,
                                           std::string_view stream, int resamples) {
  RECPO_REQUIRE(outcomes.hits <= outcomes.valid && outcomes.valid <= outcomes.rows && outcomes.rows <= UINT32_MAX);
  if (outcomes.rows == 0) return std::nullopt;
  Random random(seed, stream);
  std::vector<double> values;
  for (int i = 0; i < resamples; ++i)
    if (const auto value = (resample(outcomes, random).*share)()) values.push_back(*value);
  return percentile_interval(std::move(values));
}

}  // namespace recpo::evaluation
