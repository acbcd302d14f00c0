#include "src/evaluation/significance.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <numbers>
#include <numeric>

#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::evaluation {

double mcnemar_exact(std::int64_t first_only, std::int64_t second_only) {
  RECPO_REQUIRE(first_only >= 0 && second_only >= 0);
  const auto n = static_cast<double>(first_only + second_only);
  const auto tail = static_cast<double>(std::min(first_only, second_only));
  // From the tail's largest term downwards: C(n, i - 1) = C(n, i) i / (n - i + 1). Terms fall at least geometrically
  // once they fall below rounding, so the loop ends early for large n.
  double term =
      std::exp(std::lgamma(n + 1) - std::lgamma(tail + 1) - std::lgamma(n - tail + 1) - n * std::numbers::ln2);
  double sum = 0;
  for (double i = tail; i >= 0 && sum + term > sum; --i) {
    sum += term;
    term *= i / (n - i + 1);
  }
  return std::min(1.0, 2 * sum);
}

std::vector<double> holm_adjusted(const std::vector<double>& p_values) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return p_values[i]; });
  std::vector<double> adjusted(p_values.size());
  double highest = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto remaining = static_cast<double>(order.size() - i);
    highest = std::max(highest, std::min(1.0, remaining * p_values[order[i]]));
    adjusted[order[i]] = highest;
  }
  return adjusted;
}

std::optional<Interval> percentile_interval(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::ranges::sort(values);
  const std::size_t tail = values.size() / 40;  // 2.5 %
  return Interval{values[tail], values[values.size() - 1 - tail]};
}

std::optional<Interval> cluster_interval(const std::vector<Cluster>& clusters, std::uint64_t seed,
                                         std::string_view stream, int resamples) {
  if (clusters.empty()) return std::nullopt;
  Random random(seed, stream);
  std::vector<double> ratios;
  for (int i = 0; i < resamples; ++i) {
    double part = 0, whole = 0;
    for (std::size_t draw = 0; draw < clusters.size(); ++draw) {
      const Cluster& cluster = clusters[random.below(clusters.size())];
      part += cluster.part, whole += cluster.whole;
    }
    if (whole > 0) ratios.push_back(part / whole);
  }
  return percentile_interval(std::move(ratios));
}

std::optional<Interval> crossed_interval(const std::vector<std::vector<Cluster>>& trainings, std::uint64_t seed,
                                         std::string_view stream, int resamples) {
  if (trainings.empty()) return std::nullopt;
  if (trainings.size() == 1) return cluster_interval(trainings.front(), seed, stream, resamples);
  Random random(seed, stream);
  std::vector<double> ratios, times(trainings.front().size());  // how often each cluster was drawn
  for (int i = 0; i < resamples; ++i) {
    std::ranges::fill(times, 0.0);
    for (std::size_t draw = 0; draw < times.size(); ++draw) ++times[random.below(times.size())];
    double part = 0, whole = 0;
    for (std::size_t draw = 0; draw < trainings.size(); ++draw) {
      const std::vector<Cluster>& training = trainings[random.below(trainings.size())];
      RECPO_REQUIRE(training.size() == times.size());
      for (std::size_t c = 0; c < times.size(); ++c)
        part += times[c] * training[c].part, whole += times[c] * training[c].whole;
    }
    if (whole > 0) ratios.push_back(part / whole);
  }
  return percentile_interval(std::move(ratios));
}

namespace {
// Differences that are not 0, by size: how many of each.
struct Sizes {
  std::map<double, std::int64_t> counts;
  double sum = 0;
  std::int64_t positive = 0, negative = 0;
};

Sizes sizes_of(const std::vector<double>& differences) {
  // Sums of 1 / n from ties (floats) differ by rounding only: equal to 2^-20.
  constexpr double kGrid = 1 << 20;
  Sizes sizes;
  for (const double difference : differences) {
    const double value = std::round(difference * kGrid) / kGrid;
    if (value == 0) continue;
    ++sizes.counts[std::abs(value)];
    sizes.sum += value;
    ++(value > 0 ? sizes.positive : sizes.negative);
  }
  return sizes;
}

// The sum of `count` random signs, 64 a draw.
std::int64_t sum_of_signs(std::int64_t count, Random& random) {
  std::int64_t positive = 0;
  for (std::int64_t left = count; left > 0; left -= 64)
    positive += std::popcount(left >= 64 ? random.next() : random.next() >> (64 - left));
  return 2 * positive - count;
}
}  // namespace

double sign_flip_test(const std::vector<double>& differences, std::uint64_t seed, std::string_view stream, int draws) {
  const Sizes sizes = sizes_of(differences);
  if (sizes.counts.size() <= 1) return mcnemar_exact(sizes.positive, sizes.negative);
  Random random(seed, stream);
  // Multiples of 2^-20 below 2^32 add without rounding: equal sums are equal.
  const double observed = std::abs(sizes.sum);
  std::int64_t hits = 0;
  for (int i = 0; i < draws; ++i) {
    double sum = 0;
    for (const auto& [size, count] : sizes.counts) sum += size * static_cast<double>(sum_of_signs(count, random));
    hits += std::abs(sum) >= observed;
  }
  return static_cast<double>(1 + hits) / static_cast<double>(1 + draws);
}

}  // namespace recpo::evaluation
