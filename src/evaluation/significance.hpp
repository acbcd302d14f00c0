#pragma once
// 95 % intervals by the bootstrap, and tests of whether two systems differ on the same rows. Pure functions of their
// arguments.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace recpo::evaluation {

struct Interval {
  double low = 0, high = 0;
  bool operator==(const Interval&) const = default;
};
inline constexpr int kResamples = 2000;

// The 2.5 % and 97.5 % percentiles; nullopt without values.
std::optional<Interval> percentile_interval(std::vector<double> values);

// A ratio of sums over clusters that are drawn with replacement, sum_c part_c / sum_c whole_c: rows of one user are not
// independent. nullopt when no draw has anything to divide by.
struct Cluster {
  double part = 0, whole = 0;
};
std::optional<Interval> cluster_interval(const std::vector<Cluster>& clusters, std::uint64_t seed,
                                         std::string_view stream, int resamples = kResamples);

// The same ratio where every cluster has a value for each of several repetitions, trainings[t][c]: both are drawn with
// replacement, independently, so that the interval holds for another training and other users. The same number of
// clusters in each; one training is cluster_interval.
std::optional<Interval> crossed_interval(const std::vector<std::vector<Cluster>>& trainings, std::uint64_t seed,
                                         std::string_view stream, int resamples = kResamples);

// Two-sided sign-flip test of independent differences, such as one sum a user: under equal skill each has either sign
// with probability 1/2, so
//   p = P(|sum_c s_c d_c| >= |sum_c d_c|),   s_c = +-1.
// Exact where all that are not 0 have one size (McNemar's test), else (1 + hits) / (1 + draws) over random signs.
inline constexpr int kSignDraws = 99'999;
double sign_flip_test(const std::vector<double>& differences, std::uint64_t seed, std::string_view stream,
                      int draws = kSignDraws);

// McNemar's exact test: of the n rows that exactly one of two systems got right, under equal skill each is the first's
// with probability 1/2, so
//   p = min(1, 2 sum_{i <= min(b, c)} C(n, i) / 2^n),   b rows right only for the first, c only for the second.
double mcnemar_exact(std::int64_t first_only, std::int64_t second_only);

// Holm's step-down method, in the order given. Of m p-values p_(1) <= .. <= p_(m):
//   adjusted p_(i) = max_{j <= i} min(1, (m - j + 1) p_(j))
std::vector<double> holm_adjusted(const std::vector<double>& p_values);

}  // namespace recpo::evaluation
