// Validation between steps: rows, metrics by hand, the best step, and that training does not notice.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "src/support/check.hpp"
#include "src/train/validation.hpp"
#include "tests/train/training_problem.hpp"

namespace recpo::test {
namespace {
using train::ValidationMetric;
using train::ValidationRows;

data::RowFile rows_with_validation(std::int64_t count) {
  data::RowFile file = random_rows(count, tiny_wide_config(false).vocab_size);
  for (data::Row& row : file.rows)
    if (row.id % 2 == 1) row.split = data::Split::kValid;
  return file;
}

TEST(ValidationRows, AreNestedAndDrawnByTheSeed) {
  const data::RowFile file = rows_with_validation(40);
  const ValidationRows all = train::validation_rows(file, 0, 1);
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 20u);
  for (const data::Row* row : all) EXPECT_EQ(row->split, data::Split::kValid);
  for (const std::int64_t count : {1, 5, 19})
    EXPECT_EQ(train::validation_rows(file, count, 1), ValidationRows(all.begin(), all.begin() + count));
  EXPECT_EQ(train::validation_rows(file, 200, 1), all);
  EXPECT_NE(train::validation_rows(file, 0, 2), all);
  EXPECT_NE(all, file.of_split(data::Split::kValid));
}

TEST(ValidationMetrics, ByHand) {
  data::RowFile file;
  for (const std::int32_t preferred : {0, 2}) {
    data::Row row;
    row.preferred = preferred;
    row.candidates.resize(3);
    row.answer_ids = {{1}, {1, 2}, {1, 2, 3}};
    file.rows.push_back(row);
  }
  const ValidationRows rows = {&file.rows[0], &file.rows[1]};
  // The first is best alone, the second shares the places 2 and 3.
  const train::ValidationMetrics metrics = train::validation_metrics(rows, {{-1, -2, -3}, {-1, -5, -5}});
  EXPECT_DOUBLE_EQ(metrics.ranked_hit_rate, 0.5);
  EXPECT_DOUBLE_EQ(metrics.mrr, (1 + (1.0 / 2 + 1.0 / 3) / 2) / 2);
  EXPECT_DOUBLE_EQ(metrics.loss, (1.0 + 5.0) / (1 + 3));
  // A tie for the first place is half a hit.
  EXPECT_DOUBLE_EQ(train::validation_metrics(rows, {{-1, -1, -3}, {-1, -5, -6}}).ranked_hit_rate, 0.25);
  try {
    train::validation_metrics(rows, {{-1, -2, -3}, {-1, std::numeric_limits<double>::quiet_NaN(), -5}});
    FAIL() << "a score that is no number";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kNumerics);
  }
}

TEST(BestStep, OfEqualsTheEarlier) {
  train::BestStep best;
  const auto add = [&](std::int64_t step, double hit_rate) { return best.add(step, {hit_rate, 1 - hit_rate, 0}); };
  EXPECT_TRUE(add(2, 0.0));
  EXPECT_TRUE(add(4, 0.5));
  EXPECT_FALSE(add(6, 0.5));
  EXPECT_FALSE(add(8, 0.25));
  EXPECT_EQ(best.step, 4);
  EXPECT_EQ(best.value, 0.5);
  EXPECT_EQ(best.since, 2);
  EXPECT_TRUE(add(10, 0.75));
  EXPECT_EQ(best.since, 0);
}

TEST(BestStep, LossIsTheSmallest) {
  train::BestStep best{ValidationMetric::kLoss};
  EXPECT_TRUE(best.add(1, {0, 0, 2.0}));
  EXPECT_FALSE(best.add(2, {1, 1, 2.0}));
  EXPECT_TRUE(best.add(3, {0, 0, 1.5}));
  EXPECT_EQ(best.step, 3);
  train::BestStep by_rank{ValidationMetric::kMrr};
  EXPECT_TRUE(by_rank.add(1, {0.5, 0.6, 2.0}));
  EXPECT_FALSE(by_rank.add(2, {0.6, 0.6, 1.0}));
}

TEST(ValidationOptions, DueAtItsMultiplesAndTheLast) {
  train::ValidationOptions options;
  EXPECT_FALSE(options.is_due(10, 10));
  options.every_steps = 4;
  for (const std::int64_t step : {4, 8, 10}) EXPECT_TRUE(options.is_due(step, 10)) << step;
  for (const std::int64_t step : {1, 5, 9}) EXPECT_FALSE(options.is_due(step, 10)) << step;
}

class Validated : public testing::TestWithParam<const char*> {};

// Between steps it changes no bit of what follows, and takes the memory that was planned.
TEST_P(Validated, TrainingDoesNotNotice) {
  train::Stage stage = small_stage(GetParam());
  stage.lora.dropout = 0.5;  // of no consequence without adapters
  const parallel::ProcessGrid grid = one_rank();
  TrainingProblem<double> plain(stage, grid), validated(stage, grid);
  const data::RowFile file = rows_with_validation(30);
  const ValidationRows rows = train::validation_rows(file, 0, 1);
  train::StepShape shape = train::step_shape(stage.options, stage.parallel, stage.recompute, stage.lora, {});
  shape.longest = 1;
  const std::int64_t without = train::planned_memory<double>(validated.config(), {}, shape, 1, 8).activations;
  shape.validation = train::trees_shape(rows);
  train::Validator<double> validator(rows, shape, validated.config(), validated.store(), grid);
  EXPECT_EQ(validator.activation_bytes(),
            train::planned_memory<double>(validated.config(), {}, shape, 1, 8).activations - without);

  std::vector<train::ValidationMetrics> curve;
  for (int step = 0; step < 3; ++step) {
    const auto expected = plain.run(1, step), metrics = validated.run(1, step);
    EXPECT_EQ(metrics[0].loss, expected[0].loss);
    int progress = 0;
    curve.push_back(validator.run([&] { ++progress; }));
    EXPECT_EQ(progress, 15);
  }
  EXPECT_EQ(plain.weights(), validated.weights());
  EXPECT_EQ(validator.activation_bytes(),
            train::planned_memory<double>(validated.config(), {}, shape, 1, 8).activations - without);
  EXPECT_NE(curve[0].loss, curve[1].loss);
  for (const auto& metrics : curve) {
    EXPECT_TRUE(std::isfinite(metrics.loss));
    EXPECT_GE(metrics.mrr, metrics.ranked_hit_rate);
  }
}

INSTANTIATE_TEST_SUITE_P(Stages, Validated, testing::Values("sft", "dpo"));

}  // namespace
}  // namespace recpo::test
