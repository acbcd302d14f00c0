// McNemar's exact test and the sign-flip test against tails worked out by hand; intervals in their limits.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

#include "src/evaluation/significance.hpp"

namespace recpo::evaluation {
namespace {
// lgamma's terms reach n log n, and their differences carry eps of that; n multiplications follow.
double relative_bound(double n) {
  return std::numeric_limits<double>::epsilon() * (8 * n * std::log(n + 2) + 2 * n + 8);
}

TEST(McNemar, HandComputed) {
  EXPECT_EQ(mcnemar_exact(0, 0), 1.0);
  EXPECT_EQ(mcnemar_exact(1, 0), 1.0);                            // 2 * 1/2
  EXPECT_NEAR(mcnemar_exact(0, 5), 2.0 / 32, relative_bound(5));  // 2 * 1 / 2^5
  EXPECT_NEAR(mcnemar_exact(2, 8), 2.0 * (1 + 10 + 45) / 1024, relative_bound(10));
  EXPECT_NEAR(mcnemar_exact(3, 7), 2.0 * (1 + 10 + 45 + 120) / 1024, relative_bound(10));
  EXPECT_NEAR(mcnemar_exact(10, 1), 2.0 * (1 + 11) / 2048, relative_bound(11));
  EXPECT_EQ(mcnemar_exact(6, 6), 1.0);
}

TEST(McNemar, Symmetric) { EXPECT_EQ(mcnemar_exact(17, 40), mcnemar_exact(40, 17)); }

TEST(McNemar, EqualsTheSumOfAllTermsInLongDouble) {
  for (const int n : {20, 333, 1000}) {
    long double term = std::pow(0.5L, n), sum = 0;  // C(n, 0) / 2^n
    for (int i = 0; 2 * i < n; ++i) {
      sum += term;
      term = term * (n - i) / (i + 1);
      const double expected = std::min(1.0, static_cast<double>(2 * sum));
      EXPECT_NEAR(mcnemar_exact(i, n - i), expected, expected * relative_bound(n)) << i << " of " << n;
    }
  }
}

TEST(McNemar, LargeCountsStayInRange) {
  EXPECT_EQ(mcnemar_exact(1'000'000, 1'000'000), 1.0);
  EXPECT_EQ(mcnemar_exact(0, 1'000'000), 0.0);
  // one standard deviation of the difference apart: 2 (1 - Phi(1)) = 0.3173, corrected for continuity by less than
  // the central term of the distribution, 2 / sqrt(2 pi n) * 2
  EXPECT_NEAR(mcnemar_exact(500'000 - 500, 500'000 + 500), 0.31731, 4 / std::sqrt(2 * M_PI * 1e6));
}

// Every sum of signs, by enumeration.
double all_sign_flips(const std::vector<double>& differences) {
  const double observed = std::abs(std::accumulate(differences.begin(), differences.end(), 0.0));
  int hits = 0;
  const std::uint64_t all = std::uint64_t{1} << differences.size();
  for (std::uint64_t signs = 0; signs < all; ++signs) {
    double sum = 0;
    for (std::size_t i = 0; i < differences.size(); ++i) sum += (signs >> i) & 1 ? differences[i] : -differences[i];
    hits += std::abs(sum) >= observed - 1e-9;
  }
  return static_cast<double>(hits) / static_cast<double>(all);
}

TEST(SignFlip, OneSizeIsMcNemar) {
  EXPECT_EQ(sign_flip_test({2, 2, 2, 0, -2}, 1, "x"), mcnemar_exact(3, 1));
  EXPECT_EQ(sign_flip_test({}, 1, "x"), 1.0);
  EXPECT_EQ(sign_flip_test({0, 0}, 1, "x"), 1.0);
}

TEST(SignFlip, EqualsAllSigns) {
  for (const std::vector<double>& differences : {std::vector<double>{3, 1, 1, 2, 1, -1, 2, 1, 3, 1},
                                                 {1, 1.0 / 3, -0.5, 2, 1, 1.0 / 3, 1, 3},
                                                 {5, -4, 1, 1, 1}}) {
    const double p = all_sign_flips(differences);
    const double error = std::sqrt(p * (1 - p) / kSignDraws);  // of a mean of draws
    EXPECT_NEAR(sign_flip_test(differences, 1, "x"), p, 4 * error + 1.0 / kSignDraws);
  }
}

TEST(SignFlip, ThirdsAddUp) {  // 3 x 1/3 is a difference of 1: one size, whatever the rounding of its sum
  const double third = 1.0F / 3, sum = third + third + third;
  EXPECT_EQ(sign_flip_test({sum, 1, 1, -1, 1, 1}, 1, "x"), mcnemar_exact(5, 1));
}

TEST(SignFlip, ManyUsersOfEverySize) {
  // 300 users, differences of 1 .. 3: z = sum / sqrt(sum of squares)
  std::vector<double> differences;
  double sum = 0, squares = 0;
  for (int user = 0; user < 300; ++user) {
    differences.push_back((user % 9 < 5 ? 1 : -1) * (1 + user % 3));
    sum += differences.back(), squares += differences.back() * differences.back();
  }
  const double p = std::erfc(std::abs(sum) / std::sqrt(2 * squares));
  // sums are whole, two apart: continuity costs at most the central term, 2 / sqrt(2 pi squares)
  EXPECT_NEAR(sign_flip_test(differences, 1, "x"), p,
              2 / std::sqrt(2 * M_PI * squares) + 4 * 0.5 / std::sqrt(kSignDraws));
}

TEST(CrossedInterval, OneTrainingIsClusters) {
  std::vector<Cluster> clusters;
  for (int i = 0; i < 50; ++i) clusters.push_back({i % 3 == 0 ? 1.0 : 0.0, 1.0});
  EXPECT_EQ(crossed_interval({clusters}, 1, "x"), cluster_interval(clusters, 1, "x"));
  EXPECT_FALSE(crossed_interval({}, 1, "x"));
}

TEST(CrossedInterval, SpreadOfTrainings) {
  // users agree, trainings do not: of four, 0, 1, 1 and 1, the mean of four draws is binomial
  std::vector<std::vector<Cluster>> trainings(4, std::vector<Cluster>(30, Cluster{1, 1}));
  trainings[0].assign(30, Cluster{0, 1});
  // P(mean <= 1/4) = 13 / 256 = 5.1 %, P(0) = 0.4 %: the 2.5 % percentile is 1/4
  EXPECT_EQ(*crossed_interval(trainings, 1, "x"), (Interval{0.25, 1}));
}

TEST(Holm, StepsDownAndNeverBack) {
  // sorted .01 .02 .03 .04: 4 x .01, max(.04, 3 x .02), max(.06, 2 x .03), max(.06, .04)
  EXPECT_EQ(holm_adjusted({0.03, 0.01, 0.04, 0.02}), (std::vector<double>{2 * 0.03, 4 * 0.01, 0.06, 3 * 0.02}));
  EXPECT_EQ(holm_adjusted({0.6, 0.9}), (std::vector<double>{1, 1}));
  EXPECT_TRUE(holm_adjusted({}).empty());
}

TEST(ClusterInterval, EqualClustersLeaveNoDoubt) {
  const std::vector<Cluster> clusters(7, {1, 4});
  EXPECT_EQ(*cluster_interval(clusters, 1, "x"), (Interval{0.25, 0.25}));
  EXPECT_FALSE(cluster_interval({}, 1, "x"));
  EXPECT_FALSE(cluster_interval({{0, 0}}, 1, "x"));
}

TEST(ClusterInterval, NormalLimitForManyClusters) {
  std::vector<Cluster> clusters;
  for (int i = 0; i < 400; ++i) clusters.push_back({i % 2 == 0 ? 3.0 : 0.0, 3.0});
  const auto interval = *cluster_interval(clusters, 1, "x");
  const double half = 1.96 * 0.5 / 20;  // of 400 clusters that are all right or all wrong
  // an end is a quantile of 2,000 draws: its standard error is sqrt(.025 x .975 / 2000) / density(1.96) = 0.06 sigma
  EXPECT_NEAR(interval.low, 0.5 - half, 4 * 0.06 * 0.5 / 20);
  EXPECT_NEAR(interval.high, 0.5 + half, 4 * 0.06 * 0.5 / 20);
  EXPECT_EQ(interval, *cluster_interval(clusters, 1, "x"));
}

}  // namespace
}  // namespace recpo::evaluation
