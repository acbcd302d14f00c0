#include <gtest/gtest.h>

#include <cmath>

#include "src/optim/adamw.hpp"
#include "src/train/samples.hpp"

namespace recpo::test {
namespace {

// Transformers' get_cosine_schedule_with_warmup(num_warmup_steps=2, num_training_steps=6): lambda at 0..5.
TEST(Schedule, IsTransformersCosineWithWarmup) {
  optim::OptimizerOptions options;
  options.warmup_fraction = 0.21;  // ceil(1.26) = 2 steps
  const double expected[] = {0.0, 0.5, 1.0, 0.5 * (1 + std::cos(M_PI / 4)), 0.5, 0.5 * (1 + std::cos(3 * M_PI / 4))};
  for (std::int64_t step = 0; step < 6; ++step) {
    EXPECT_NEAR(optim::schedule_factor(options, step, 6), expected[step], 1e-15) << step;
  }
}

TEST(Schedule, ConstantStaysAfterWarmup) {
  optim::OptimizerOptions options;
  options.schedule = optim::Schedule::kConstant;
  options.warmup_fraction = 0;
  for (std::int64_t step = 0; step < 4; ++step) EXPECT_EQ(optim::schedule_factor(options, step, 4), 1.0);
}

TEST(SampleOrder, IsAPermutationInEveryEpochAndDependsOnNothingElse) {
  train::SampleOrder order(10, true, 4, "sft"), again(10, true, 4, "sft");
  std::vector<std::size_t> first, second;
  for (int i = 0; i < 10; ++i) first.push_back(order.at(i));
  for (int i = 10; i < 20; ++i) second.push_back(order.at(i));
  EXPECT_NE(first, second);
  EXPECT_EQ(again.at(13), second[3]);  // asked for out of order
  std::sort(first.begin(), first.end());
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(first[i], i);
  train::SampleOrder file(10, false, 4, "sft");
  for (int i = 0; i < 30; ++i) EXPECT_EQ(file.at(i), static_cast<std::size_t>(i % 10));
}

}  // namespace
}  // namespace recpo::test
