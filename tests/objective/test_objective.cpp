// Objectives against their definitions. The oracle is written a second time, in long double, straight from the
// formulas: its exponent reaches e^11000, so that even log-probs 10,000 apart need no care about overflow.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "src/objective/margin.hpp"
#include "src/objective/objective.hpp"
#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::objective {
namespace {
constexpr double kEps = std::numeric_limits<double>::epsilon();

struct Set {
  std::vector<double> logp, reference, rating, latency;
  std::vector<int> length;
  PreferenceSet view() const { return {reference, length, rating, latency}; }
};

SetResult evaluate_set(const ObjectiveOptions& options, const Set& set) {
  return evaluate(preference_terms(options, set.view()), set.logp);
}

// log-probs down to -`scale`; seen and unseen negatives.
Set random_set(int negatives, double scale, std::uint64_t index) {
  Random random(7, "objective", index);
  Set set;
  for (int k = 0; k <= negatives; ++k) {
    const bool seen = random.below(2) == 0;
    set.logp.push_back(-scale * random.uniform());
    set.reference.push_back(-scale * random.uniform());
    set.length.push_back(1 + static_cast<int>(random.below(12)));
    set.rating.push_back(seen ? 1 + static_cast<double>(random.below(5)) : 3);
    set.latency.push_back(seen ? 1 + static_cast<double>(random.below(10)) : 11);
  }
  return set;
}

long double oracle_gamma(const ObjectiveOptions& options, const Set& set, std::size_t k) {
  const auto phi = [&](std::size_t i) {
    return set.rating[i] / std::pow(static_cast<long double>(set.latency[i]), static_cast<long double>(options.alpha));
  };
  const auto log_floored = [](long double x) { return std::log(std::max(x, static_cast<long double>(kMarginFloor))); };
  const long double p = phi(0), d = phi(k);
  if (options.margin == "ratio") return options.lambda * p / d;
  if (options.margin == "log-ratio") return options.lambda * (std::log(p) - std::log(d));
  if (options.margin == "log-diff") return options.lambda * log_floored(1 + p - d);
  return options.lambda * log_floored(p - d);
}

long double oracle_reward(const ObjectiveOptions& options, const Set& set, std::size_t k) {
  if (options.objective == "simpo") return static_cast<long double>(options.beta) * set.logp[k] / set.length[k];
  return static_cast<long double>(options.beta) * (static_cast<long double>(set.logp[k]) - set.reference[k]);
}

long double oracle_loss(const ObjectiveOptions& options, const Set& set) {
  const bool one = options.objective == "dpo" || options.objective == "simpo";
  const std::size_t last = one ? 1 : set.logp.size() - 1;
  long double gammas = 0;
  for (std::size_t k = 1; k <= last; ++k) gammas += oracle_gamma(options, set, k);
  long double sum = 0;
  for (std::size_t k = 1; k <= last; ++k) {
    long double z = oracle_reward(options, set, k) - oracle_reward(options, set, 0);
    if (options.objective == "simpo") z += options.simpo_margin;
    if (options.objective == "recpo" && options.margin_form == "pairwise") z += oracle_gamma(options, set, k);
    if (options.objective == "recpo" && options.margin_form == "printed-eq8") z -= oracle_gamma(options, set, k);
    if (options.objective == "recpo" && options.margin_form == "listwise-eq15") z += gammas;
    sum += std::exp(z);
  }
  return std::log1p(sum) - static_cast<long double>(options.sft_weight) * set.logp[0] / set.length[0];
}

// A logarithm's argument 1 + phi_p - phi_d of size a carries the rounding of its terms, relative to a.
double logarithm_loss(const ObjectiveOptions& options, const Set& set, std::size_t k) {
  if (options.margin != "log-diff") return 0;
  const double p = utility(set.rating[0], set.latency[0], options.alpha);
  const double d = utility(set.rating[k], set.latency[k], options.alpha);
  return options.lambda * (1 + p + d) / std::max(1 + p - d, kMarginFloor);
}

// The loss is 1-Lipschitz in the largest |z|, and a z is made of two rewards and margins by `kRoundings` operations,
// each relative to the numbers it meets; the outer logarithm adds K + 2 roundings of the loss itself.
double loss_bound(const ObjectiveOptions& options, const Set& set) {
  constexpr double kRoundings = 8;
  double reward = 0, gamma = std::abs(options.simpo_margin);
  for (std::size_t k = 0; k < set.logp.size(); ++k) {
    reward = std::max(reward, options.beta * (std::abs(set.logp[k]) + std::abs(set.reference[k])));
    if (k > 0) gamma += std::abs(static_cast<double>(oracle_gamma(options, set, k))) + logarithm_loss(options, set, k);
  }
  const double loss = 2 * reward + gamma + options.sft_weight * std::abs(set.logp[0]) / set.length[0];
  return kEps * (kRoundings + static_cast<double>(set.logp.size() + 2)) * loss;
}

std::vector<ObjectiveOptions> every_form() {
  std::vector<ObjectiveOptions> all;
  for (const char* name : {"dpo", "simpo", "s-dpo"}) all.push_back({.objective = name, .beta = 0.7});
  for (const char* name : {"simpo", "recpo"}) all.push_back({.objective = name, .beta = 0.7, .sft_weight = 1.5});
  for (const char* form : {"pairwise", "printed-eq8", "listwise-eq15"})
    for (const char* margin : {"ratio", "log-ratio", "log-diff"})
      all.push_back({.objective = "recpo", .beta = 0.7, .margin = margin, .margin_form = form});
  return all;
}

std::string label(const ObjectiveOptions& o) {
  return o.objective + " " + o.margin + " " + o.margin_form + (o.sft_weight > 0 ? " with SFT" : "");
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

// |third derivative along one log-prob| <= beta^3 / (6 sqrt 3) < beta^3 / 10: that of softplus, whatever the others do.
TEST(Objective, GradientEqualsCentralDifferences) {
  for (const ObjectiveOptions& options : every_form())
    for (std::uint64_t i = 0; i < 50; ++i) {
      Set set = random_set(1 + static_cast<int>(i % 4), 8, i);
      const SetResult result = evaluate_set(options, set);
      ASSERT_EQ(result.d_logp.size(), set.logp.size());
      const double beta = options.beta;
      const double step = std::cbrt(10 * loss_bound(options, set) / (beta * beta * beta));
      for (std::size_t k = 0; k < set.logp.size(); ++k) {
        const double at = set.logp[k];
        const double up = at + step, down = at - step;
        set.logp[k] = up;
        const double above = evaluate_set(options, set).loss;
        set.logp[k] = down;
        const double below = evaluate_set(options, set).loss;
        set.logp[k] = at;
        const double bound = beta * beta * beta / 10 * step * step / 6 + 2 * loss_bound(options, set) / (up - down);
        EXPECT_NEAR(result.d_logp[k], (above - below) / (up - down), bound) << label(options) << " set " << i;
      }
    }
}

TEST(Objective, LambdaZeroIsSdpoBitForBit) {
  for (const char* form : {"pairwise", "printed-eq8", "listwise-eq15"})
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
  EXPECT_NE(message({.objective = "ppo"}).find("align.objective = \"ppo\" is not known; choices: dpo, simpo"),
            std::string::npos);
  EXPECT_NE(message({.margin = "x"}).find("align.margin"), std::string::npos);
  EXPECT_NE(message({.margin_form = "x"}).find("listwise-eq15"), std::string::npos);
  EXPECT_NE(message({.beta = 0}).find("align.beta"), std::string::npos);
  EXPECT_NE(message({.lambda = -1}).find("align.lambda"), std::string::npos);
  EXPECT_NE(message({.alpha = std::nan("")}).find("align.alpha"), std::string::npos);
  EXPECT_NE(message({.simpo_margin = std::nan("")}).find("align.simpo_margin"), std::string::npos);
  EXPECT_NE(message({.sft_weight = -1}).find("align.sft_weight"), std::string::npos);
}

}  // namespace
}  // namespace recpo::objective
