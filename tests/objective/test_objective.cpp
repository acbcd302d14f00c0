// Objectives on the host against their definitions (oracle.hpp), and what must hold to the bit.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/set_loss.hpp"
#include "src/support/check.hpp"
#include "tests/objective/oracle.hpp"

namespace recpo::objective {
namespace {

SetResult evaluate_set(const ObjectiveOptions& options, const Set& set) {
  return evaluate(preference_loss(options), preference_terms(options, set.view()), set.logp);
}

TEST(Objective, EqualsTheLongDoubleOracle) {
  for (const ObjectiveOptions& options : every_form())
    for (std::uint64_t i = 0; i < 200; ++i) {
      const Set set = random_set(1 + static_cast<int>(i % 5), i % 3 == 0 ? 1e4 : 60, i);
      const SetResult result = evaluate_set(options, set);
      EXPECT_NEAR(result.loss, static_cast<double>(oracle_loss(options, set)), loss_bound(options, set))
          << label(options) << " set " << i;
      for (std::size_t k = 0; k < set.logp.size(); ++k)
        EXPECT_NEAR(result.reward[k], static_cast<double>(oracle_reward(options, set, k)), loss_bound(options, set));
    }
}

// (f(x + h) - f(x - h)) / 2h differs from f' by h^2 / 6 of a third derivative at most, and by rounding: the step
// balances the two.
TEST(Objective, GradientEqualsCentralDifferences) {
  for (const ObjectiveOptions& options : every_form())
    for (std::uint64_t i = 0; i < 50; ++i) {
      Set set = random_set(1 + static_cast<int>(i % 4), 8, i);
      const SetResult result = evaluate_set(options, set);
      ASSERT_EQ(result.d_logp.size(), set.logp.size());
      const double third = oracle_of(options).third(options);
      const double step = third > 0 ? std::cbrt(loss_bound(options, set) / third) : 1;
      for (std::size_t k = 0; k < set.logp.size(); ++k) {
        const double at = set.logp[k];
        const double up = at + step, down = at - step;
        set.logp[k] = up;
        const double above = evaluate_set(options, set).loss;
        set.logp[k] = down;
        const double below = evaluate_set(options, set).loss;
        set.logp[k] = at;
        const double bound = third * step * step / 6 + 2 * loss_bound(options, set) / (up - down);
        EXPECT_NEAR(result.d_logp[k], (above - below) / (up - down), bound) << label(options) << " set " << i;
      }
    }
}

TEST(Objective, LambdaZeroIsSdpoBitForBit) {
  for (const MarginForm form : {MarginForm::kPairwise, MarginForm::kPrintedEq8, MarginForm::kListwiseEq15})
    for (std::uint64_t i = 0; i < 200; ++i) {
      const Set set = random_set(3, i % 2 == 0 ? 60 : 1e4, i);
      const SetResult plain = evaluate_set({.objective = "s-dpo", .beta = 0.3}, set);
      const SetResult recpo = evaluate_set({.objective = "recpo", .beta = 0.3, .lambda = 0, .margin_form = form}, set);
      EXPECT_EQ(std::bit_cast<std::uint64_t>(plain.loss), std::bit_cast<std::uint64_t>(recpo.loss));
      for (std::size_t k = 0; k < 4; ++k)
        EXPECT_EQ(std::bit_cast<std::uint64_t>(plain.d_logp[k]), std::bit_cast<std::uint64_t>(recpo.d_logp[k]));
    }
}

TEST(Objective, OneNegativeMakesSdpoDpoBitForBit) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Set set = random_set(1, 60, i);
    const SetResult dpo = evaluate_set({.objective = "dpo"}, set);
    const SetResult s_dpo = evaluate_set({.objective = "s-dpo"}, set);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(dpo.loss), std::bit_cast<std::uint64_t>(s_dpo.loss));
    EXPECT_EQ(dpo.d_logp, s_dpo.d_logp);
  }
}

TEST(Objective, PolicyEqualToReference) {
  Set set = random_set(3, 60, 0);
  set.reference = set.logp;
  set.rating = {4, 3, 3, 3};
  set.latency = {1, 11, 11, 11};
  const double log_four = std::log(4.0);
  EXPECT_EQ(evaluate_set({.objective = "dpo"}, set).loss, std::log(2.0));
  EXPECT_NEAR(evaluate_set({.objective = "s-dpo"}, set).loss, log_four, 4 * kEps * log_four);
  // three unseen negatives: log(1 + 3 e^8.8443), the margin known to four decimals
  EXPECT_NEAR(evaluate_set({}, set).loss, std::log1p(3 * std::exp(8.8443)), 0.5e-4);
  const SetResult result = evaluate_set({.objective = "s-dpo"}, set);
  EXPECT_EQ(result.d_logp[0], -0.75);
  for (std::size_t k = 1; k < 4; ++k) EXPECT_EQ(result.d_logp[k], 0.25);
}

TEST(Objective, ExtremesStayFinite) {
  for (const char* name : {"dpo", "s-dpo"}) {
    Set set = random_set(2, 1, 0);
    set.reference = {0, 0, 0};
    set.logp = {-1e4, 0, -1e4};
    const SetResult wrong = evaluate_set({.objective = name}, set);
    EXPECT_EQ(wrong.loss, 1e4) << name;  // log(1 + e^10000 + ..) = 10000 + less than one ulp
    EXPECT_EQ(wrong.d_logp, (std::vector<double>{-1, 1, 0})) << name;
    set.logp = {0, -1e4, -1e4};
    const SetResult right = evaluate_set({.objective = name}, set);
    EXPECT_EQ(right.loss, 0.0) << name;
    for (const double d : right.d_logp) EXPECT_EQ(std::abs(d), 0.0) << name;
  }
  // a small loss keeps its digits: softplus(-40) = e^-40 (1 - e^-40 / 2 + ..)
  Set set = random_set(1, 1, 0);
  set.reference = {0, 0};
  set.logp = {0, -40};
  EXPECT_NEAR(evaluate_set({.objective = "dpo"}, set).loss, std::exp(-40.0), 2 * kEps * std::exp(-40.0));
}

TEST(Objective, NonFiniteLogProbsReachTheLoss) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (std::size_t k = 0; k < 4; ++k) {
      Set set = random_set(3, 60, 1);
      set.logp[k] = k == 0 ? -bad : bad;
      EXPECT_FALSE(std::isfinite(evaluate_set({}, set).loss)) << k;
    }
}

TEST(Objective, SingleNegativeFormsUseTheFirst) {
  for (const char* name : {"dpo", "simpo"}) {
    const ObjectiveOptions options{.objective = name};
    EXPECT_EQ(negatives_used(options, 3), 1);
    EXPECT_EQ(negatives_used(options, 0), 0);
    Set set = random_set(3, 60, 2);
    const SetResult all = evaluate_set(options, set);
    EXPECT_EQ(all.d_logp[2], 0.0);
    EXPECT_EQ(all.d_logp[3], 0.0);
    set.logp[3] -= 5;
    EXPECT_EQ(evaluate_set(options, set).loss, all.loss);
    EXPECT_EQ(needs_reference(options), std::string(name) == "dpo");
  }
  EXPECT_EQ(negatives_used({}, 3), 3);
  EXPECT_TRUE(needs_reference({}));
}

TEST(Objective, KeysThatItReads) {
  const auto& dpo = find_objective("dpo");
  const auto& recpo = find_objective("recpo");
  for (const char* key : {"align.beta", "align.reference", "sft.epochs"}) EXPECT_TRUE(reads(dpo, key)) << key;
  for (const char* key : {"align.margin", "data.negatives", "data.default_rating"}) {
    EXPECT_FALSE(reads(dpo, key)) << key;
    EXPECT_TRUE(reads(recpo, key)) << key;
  }
  EXPECT_FALSE(reads(find_objective("simpo"), "align.reference"));
  EXPECT_TRUE(reads(find_objective("simpo"), "align.simpo_margin"));
  EXPECT_FALSE(reads(dpo, "align.simpo_margin"));
  EXPECT_TRUE(reads(find_objective("s-dpo"), "data.negatives"));
}

TEST(Objective, CountsFlooredMargins) {
  Set set = random_set(3, 60, 3);
  set.rating = {4, 5, 3, 5};  // phi 4 against 5 (below -1 + ...), 0.9, 5
  set.latency = {1, 1, 11, 1};
  EXPECT_EQ(preference_terms({.margin = "log-diff"}, set.view()).floored_margins, 2);  // 1 + 4 - 5 = 0, twice
  EXPECT_EQ(preference_terms({.margin = "ratio"}, set.view()).floored_margins, 0);
}

TEST(Objective, SimpoNeedsNoReference) {
  Set set = random_set(1, 60, 4);
  set.reference.clear();
  set.logp = {-6, -8};
  set.length = {3, 2};
  // softplus(-8/2 + 6/3 + 2) = softplus(0)
  EXPECT_EQ(evaluate_set({.objective = "simpo"}, set).loss, std::log(2.0));
}

TEST(Objective, OptionsNameTheKeyAndTheChoices) {
  const auto message = [](const ObjectiveOptions& options) -> std::string {
    try {
      check(options);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kUsage);
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message({}), "");
  EXPECT_NE(message({.objective = "ppo"}).find("align.objective = \"ppo\" is not one of dpo | "), std::string::npos);
  EXPECT_NE(message({.margin = "x"}).find("align.margin"), std::string::npos);
  EXPECT_NE(message({.beta = 0}).find("align.beta"), std::string::npos);
  EXPECT_NE(message({.lambda = -1}).find("align.lambda"), std::string::npos);
  EXPECT_NE(message({.alpha = std::nan("")}).find("align.alpha"), std::string::npos);
  EXPECT_NE(message({.own = {{"simpo_margin", std::nan("")}}}).find("align.simpo_margin"), std::string::npos);
  EXPECT_NE(message({.sft_weight = -1}).find("align.sft_weight"), std::string::npos);
}

}  // namespace
}  // namespace recpo::objective
