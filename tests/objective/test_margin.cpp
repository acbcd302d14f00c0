// Utilities and margins against values worked out by hand.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/objective/margin.hpp"
#include "src/support/check.hpp"

namespace recpo::objective {
namespace {
constexpr double kAlpha = 0.5;
constexpr double kLambda = 2.0;
constexpr double kFourDecimals = 0.5e-4;  // half a unit of the last place the expected values are written with

TEST(Utility, FallsWithTheRootOfTheLatency) {
  EXPECT_EQ(utility(5, 1, kAlpha), 5.0);
  EXPECT_EQ(utility(4, 1, kAlpha), 4.0);
  EXPECT_NEAR(utility(4, 10, kAlpha), 1.2649, kFourDecimals);
  EXPECT_NEAR(utility(3, 11, kAlpha), 0.9045, kFourDecimals);
  EXPECT_EQ(utility(4, 10, 0.0), 4.0);
}

TEST(Utility, RefusesWhatHasNoUtility) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(utility(4, 0, kAlpha), Error);
  EXPECT_THROW(utility(4, -1, kAlpha), Error);
  EXPECT_THROW(utility(4, nan, kAlpha), Error);
  EXPECT_THROW(utility(-1, 1, kAlpha), Error);
  EXPECT_THROW(utility(nan, 1, kAlpha), Error);
}

TEST(Margin, RatioOfUtilities) {
  const double unseen = utility(3, 11, kAlpha);
  EXPECT_NEAR(margin("ratio", kLambda, utility(4, 1, kAlpha), unseen).gamma, 8.8443, kFourDecimals);
  EXPECT_NEAR(margin("ratio", kLambda, utility(5, 1, kAlpha), unseen).gamma, 11.0554, kFourDecimals);
  EXPECT_NEAR(margin("ratio", kLambda, utility(4, 1, kAlpha), utility(5, 2, kAlpha)).gamma, 2.2627, kFourDecimals);
}

TEST(Margin, LogarithmsInsideTheirDomain) {
  // exact up to the rounding of one logarithm and its argument
  const double eps = std::numeric_limits<double>::epsilon();
  EXPECT_NEAR(margin("log-ratio", kLambda, 4, 2).gamma, 2 * std::log(2.0), 8 * eps);
  EXPECT_NEAR(margin("log-diff", kLambda, 4, 2).gamma, 2 * std::log(3.0), 8 * eps);
  EXPECT_NEAR(margin("log-diff-printed", kLambda, 4, 2).gamma, 2 * std::log(2.0), 8 * eps);
  for (const std::string& name : margin_names()) EXPECT_FALSE(margin(name, kLambda, 4, 2).floored) << name;
}

TEST(Margin, EqualUtilities) {
  EXPECT_EQ(margin("ratio", kLambda, 3, 3).gamma, kLambda);
  EXPECT_EQ(margin("log-ratio", kLambda, 3, 3).gamma, 0.0);
  EXPECT_EQ(margin("log-diff", kLambda, 3, 3).gamma, 0.0);
  const MarginValue printed = margin("log-diff-printed", kLambda, 3, 3);
  EXPECT_TRUE(printed.floored);
  EXPECT_EQ(printed.gamma, kLambda * std::log(kMarginFloor));
}

TEST(Margin, FloorsWhatMustBePositive) {
  const double lowest = kLambda * std::log(kMarginFloor);
  const MarginValue negative = margin("log-diff", kLambda, 1, 4);
  EXPECT_TRUE(negative.floored);
  EXPECT_EQ(negative.gamma, lowest);
  const MarginValue zero = margin("log-diff", kLambda, 1, 2);  // 1 + 1 - 2 = 0
  EXPECT_TRUE(zero.floored);
  EXPECT_EQ(zero.gamma, lowest);
  EXPECT_TRUE(margin("log-ratio", kLambda, 0, 2).floored);
  EXPECT_TRUE(margin("ratio", kLambda, 2, 0).floored);
  for (const std::string& name : margin_names()) EXPECT_TRUE(std::isfinite(margin(name, kLambda, 0, 0).gamma)) << name;
}

TEST(Margin, UnknownNameIsAUsageErrorWithTheChoices) {
  try {
    margin("linear", kLambda, 1, 1);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_NE(std::string(error.what()).find("log-diff-printed"), std::string::npos);
  }
}

}  // namespace
}  // namespace recpo::objective
