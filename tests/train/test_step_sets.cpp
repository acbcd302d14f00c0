// A step's sets on the device against the same sets evaluated one by one on the host.

#include <gtest/gtest.h>

#include "src/support/random.hpp"
#include "src/train/step.hpp"
#include "tests/support/host_values.hpp"

namespace recpo::train {
namespace {

objective::Terms random_terms(std::uint64_t index) {
  Random random(17, "terms", index);
  objective::Terms terms;
  for (std::uint64_t k = 0; k <= index % 4; ++k) {
    terms.reward_scale.push_back(0.5 + random.uniform());
    terms.reference.push_back(-9 * random.uniform());
    terms.margin.push_back(4 * random.uniform());
  }
  terms.sft_weight = random.uniform();
  terms.floored_margins = static_cast<int>(index % 3);
  return terms;
}

std::vector<double> random_logp(std::uint64_t index) {
  Random random(17, "logp", index);
  std::vector<double> logp;
  for (std::uint64_t k = 0; k <= index % 4; ++k) logp.push_back(-9 * random.uniform());
  return logp;
}

// More micro-batches than may be on their way, and twice over: memory is used again.
TEST(StepSets, GiveEverySetsOwnGradientAndFigures) {
  constexpr int kBatches = 700, kSetsOfOne = 3;
  constexpr double kScale = 0.25;
  const ExecSpace exec;
  const kernels::SetLoss loss = objective::preference_loss({.objective = "s-dpo"});
  StepSets sets(std::int64_t{kBatches} * kSetsOfOne * 4, loss);
  for (int step = 0; step < 2; ++step) {
    std::vector<Vector<const double>> gradients;
    std::vector<OwnedVector<double>> logps;
    for (int b = 0; b < kBatches; ++b) {
      std::vector<objective::Terms> terms;
      std::vector<double> logp;
      for (int s = 0; s < kSetsOfOne; ++s) {
        const auto index = static_cast<std::uint64_t>((step * kBatches + b) * kSetsOfOne + s);
        terms.push_back(random_terms(index));
        for (const double value : random_logp(index)) logp.push_back(value);
      }
      logps.emplace_back("recpo::test::logp", logp.size());
      test::set_values(Vector<double>(logps.back()), logp);
      gradients.push_back(sets.add(exec, std::move(terms), 100 + b * kSetsOfOne, kScale, logps.back()));
    }
    const std::vector<SampleMetrics> metrics = sets.take_metrics(exec);
    ASSERT_EQ(metrics.size(), static_cast<std::size_t>(kBatches * kSetsOfOne));
    for (int b = 0; b < kBatches; ++b) {
      const std::vector<double> gradient = test::host_values(gradients[static_cast<std::size_t>(b)]);
      std::size_t at = 0;
      for (int s = 0; s < kSetsOfOne; ++s) {
        const int place = b * kSetsOfOne + s;
        const auto index = static_cast<std::uint64_t>(step * kBatches * kSetsOfOne + place);
        const objective::Terms terms = random_terms(index);
        const std::vector<double> logp = random_logp(index);
        const objective::SetResult expected = objective::evaluate(loss, terms, logp);
        // The device's exp and log1p may differ in the last bits: a few ulp of the weights, which are at most 1.
        for (std::size_t k = 0; k < logp.size(); ++k, ++at) {
          EXPECT_NEAR(gradient[at], kScale * expected.d_logp[k],
                      32 * 0x1p-52 * kScale * terms.reward_scale[k] + 1e-300);
        }
        const SampleMetrics& own = metrics[static_cast<std::size_t>(place)];
        EXPECT_EQ(own.place, 100 + place);
        EXPECT_EQ(own.loss, expected.loss);
        EXPECT_EQ(own.chosen_logp, logp.front());
        EXPECT_EQ(own.floored_margins, terms.floored_margins);
      }
    }
  }
}

}  // namespace
}  // namespace recpo::train
