// Gradients of sets on the device: every registered objective against differences of its oracle, and their bits.

#include <gtest/gtest.h>

#include "kernels/set_loss.hpp"
#include "tests/objective/oracle.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"

namespace recpo::objective {
namespace {
using test::Guarded;
using test::Values;

std::vector<Set> sets_of(int count, double scale) {
  std::vector<Set> sets;  // of 1, 2, .. 5 completions
  for (int s = 0; s < count; ++s) sets.push_back(random_set(s % 5, scale, static_cast<std::uint64_t>(s)));
  return sets;
}

Values logp_of(const std::vector<Set>& sets) {
  Values logp;
  for (const Set& set : sets) logp.insert(logp.end(), set.logp.begin(), set.logp.end());
  return logp;
}

void set_logp(std::vector<Set>& sets, const Values& logp) {
  auto from = logp.begin();
  for (Set& set : sets) {
    std::copy_n(from, set.logp.size(), set.logp.begin());
    from += static_cast<std::ptrdiff_t>(set.logp.size());
  }
}

Values gradient(const ObjectiveOptions& options, const std::vector<Set>& sets, double scale,
                const ExecSpace& exec = ExecSpace()) {
  std::vector<int> begin{0};
  Values reward_scale, reference, margin, sft_weight;
  for (const Set& set : sets) {
    const Terms terms = preference_terms(options, set.view());
    reward_scale.insert(reward_scale.end(), terms.reward_scale.begin(), terms.reward_scale.end());
    reference.insert(reference.end(), terms.reference.begin(), terms.reference.end());
    margin.insert(margin.end(), terms.margin.begin(), terms.margin.end());
    sft_weight.push_back(terms.sft_weight);
    begin.push_back(static_cast<int>(reward_scale.size()));
  }
  const Guarded<double> scales(reward_scale), references(reference), margins(margin), weights(sft_weight),
      logp(logp_of(sets)), out(1, static_cast<std::int64_t>(reward_scale.size()));
  const auto begins = test::to_device(begin);
  preference_loss(options).gradient(exec,
                                    {begins, scales.vector(), references.vector(), margins.vector(), weights.vector()},
                                    scale, logp.vector(), out.vector());
  exec.fence();
  return out.values();
}

TEST(SetLosses, GradientsAreTheDerivativesOfTheOracles) {
  for (const ObjectiveOptions& options : every_form()) {
    std::vector<Set> sets = sets_of(20, 6);
    double noise = 0;
    for (const Set& set : sets) noise += loss_bound(options, set);
    const Values at = logp_of(sets), d_logp = gradient(options, sets, 1.0);
    test::expect_gradient(
        [&](const Values& logp) {
          set_logp(sets, logp);
          long double sum = 0;
          for (const Set& set : sets) sum += oracle_loss(options, set);
          return static_cast<double>(sum);
        },
        at, d_logp, noise, at.size(), label(options).c_str());
  }
}

TEST(SetLosses, GradientsAreScaled) {
  const std::vector<Set> sets = sets_of(40, 60);
  for (const ObjectiveOptions& options : every_form()) {
    const Values once = gradient(options, sets, 1.0), scaled = gradient(options, sets, -0.125);
    for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(scaled[i], -0.125 * once[i]) << label(options) << i;
  }
}

TEST(SetLosses, GradientsHaveTheSameBitsForAnyNumberOfThreads) {
  const std::vector<Set> sets = sets_of(300, 60);
  for (const ObjectiveOptions& options : every_form())
    test::expect_same_bits<double>([&](const ExecSpace& exec) { return gradient(options, sets, 0.01, exec); });
}

// Log-probs a thousand apart: weights of 0 and 1, nothing overflows.
TEST(SetLosses, GradientOfDistantLogProbsIsAStep) {
  std::vector<Set> sets(2, random_set(2, 0, 0));
  set_logp(sets, {-1000, 0, -2000, 0, -1000, -2000});
  EXPECT_EQ(gradient({.objective = "s-dpo"}, sets, 1.0), (Values{-1, 1, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace recpo::objective
