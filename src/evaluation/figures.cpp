#include "src/evaluation/figures.hpp"

#include <algorithm>
#include <cmath>

#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::evaluation {
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

std::optional<Interval> percentile_interval(std::vector<double>& values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  const std::size_t tail = values.size() / 40;  // 2.5 %
  return Interval{values[tail], values[values.size() - 1 - tail]};
}
}  // namespace

Outcomes count_outcomes(const std::vector<Prediction>& predictions) {
  Outcomes outcomes;
  for (const Prediction& prediction : predictions) {
    ++outcomes.rows;
    outcomes.valid += prediction.valid;
    outcomes.hits += prediction.hit;
  }
  return outcomes;
}

Intervals bootstrap_intervals(const Outcomes& outcomes, std::uint64_t seed, std::string_view stream, int resamples) {
  RECPO_REQUIRE(outcomes.hits <= outcomes.valid && outcomes.valid <= outcomes.rows && outcomes.rows <= UINT32_MAX);
  if (outcomes.rows == 0) return {};
  Random random(seed, stream);
  std::vector<double> hit_rate, valid_ratio, valid_hit_rate;
  for (int i = 0; i < resamples; ++i) {
    const Outcomes drawn = resample(outcomes, random);
    hit_rate.push_back(*drawn.hit_rate());
    valid_ratio.push_back(*drawn.valid_ratio());
    if (drawn.valid > 0) valid_hit_rate.push_back(*drawn.valid_hit_rate());
  }
  return {percentile_interval(hit_rate), percentile_interval(valid_ratio), percentile_interval(valid_hit_rate)};
}

std::optional<RankFigures> rank_figures(const std::vector<Prediction>& predictions) {
  const bool ranked =
      std::all_of(predictions.begin(), predictions.end(), [](const Prediction& p) { return p.chosen_rank > 0; });
  if (predictions.empty() || !ranked) return std::nullopt;
  RankFigures figures;
  for (const int cutoff : kCutoffs) {
    double hits = 0, gain = 0;
    for (const Prediction& prediction : predictions) {
      if (prediction.chosen_rank > cutoff) continue;
      hits += 1;
      gain += 1 / std::log2(1.0 + prediction.chosen_rank);
    }
    figures.hit_rate.push_back(hits / static_cast<double>(predictions.size()));
    figures.ndcg.push_back(gain / static_cast<double>(predictions.size()));
  }
  return figures;
}

}  // namespace recpo::evaluation
