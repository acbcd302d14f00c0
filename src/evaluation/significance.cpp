#include "src/evaluation/significance.hpp"

#include <algorithm>
#include <cmath>
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

}  // namespace recpo::evaluation
