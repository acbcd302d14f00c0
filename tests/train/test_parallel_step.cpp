// Run on 2, 4 and 8 ranks: the same steps on every grid of tensor- and data-parallel ranks, at every ZeRO level, with
// every objective and recomputation, against one rank.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/train/training_problem.hpp"

namespace recpo::test {
namespace {

struct Grid {
  int tp, dp;
};

int world_size() { return parallel::make_process_grid("auto", 1).world->size(); }

std::vector<Grid> grids(int ranks) {
  std::vector<Grid> all;
  for (const int tp : {1, 2, 4}) {
    for (const int dp : {1, 2, 4, 8}) {
      if (tp * dp <= ranks && tp * dp > 1) all.push_back({tp, dp});
    }
  }
  return all;
}

template <class T>
struct Run {
  std::vector<double> losses, norms;
  std::vector<T> weights;
};

template <class T>
Run<T> run(TrainingProblem<T>& problem, int steps) {
  Run<T> result;
  for (const train::StepMetrics& m : problem.run(steps)) {
    result.losses.push_back(m.loss);
    result.norms.push_back(m.grad_norm);
  }
  result.weights = problem.weights();
  return result;
}

// |difference| and |update| over the part of the model that this rank's store holds.
struct Norms {
  double difference = 0, update = 0;
};
template <class T>
Norms compare(TrainingProblem<T>& whole, TrainingProblem<T>& part) {
  Norms squares;
  const std::vector<T> expected = whole.weights(), found = part.weights();
  for (std::size_t p = 0; p < whole.store().parameters().size(); ++p) {
    const model::Parameter& global = whole.store().parameters()[p];
    const model::Parameter& held = part.store().parameters()[p];
    for (std::int64_t r = 0; r < held.rows(); ++r) {
      for (std::int64_t c = 0; c < held.columns(); ++c) {
        const double value = found[static_cast<std::size_t>(held.offset + r * held.columns() + c)];
        if (r >= held.valid_rows) {
          EXPECT_EQ(value, 0) << held.name << ": padding moves";
          continue;
        }
        const auto place = static_cast<std::size_t>(global.offset + (held.row_begin + r) * global.global_columns() +
                                                    held.column_begin + c);
        squares.difference += std::pow(value - static_cast<double>(expected[place]), 2);
        squares.update += std::pow(static_cast<double>(expected[place]) - static_cast<double>(whole.start()[place]), 2);
      }
    }
  }
  return {std::sqrt(squares.difference), std::sqrt(squares.update)};
}

// The first moment is a mean of gradients, so it shows an error of a gradient's size, which AdamW's weights do not:
// every parameter's on its own, against the norm of the whole parameter.
template <class T>
void expect_equal_moments(TrainingProblem<T>& whole, TrainingProblem<T>& part, double bound) {
  const auto moments = [](TrainingProblem<T>& problem) {
    std::vector<T> values(static_cast<std::size_t>(problem.optimizer().shard().size()));
    problem.optimizer().read_state(optim::State::kFirstMoment, 0, values);
    return values;
  };
  const std::vector<T> expected = moments(whole), found = moments(part);
  for (const model::ShardPiece& piece : part.optimizer().shard().pieces()) {
    const model::Parameter& global = whole.store().parameters()[piece.parameter];
    const model::Parameter& held = part.store().parameters()[piece.parameter];
    double norm = 0, difference = 0;
    for (std::int64_t i = 0; i < global.size(); ++i) {
      norm += std::pow(static_cast<double>(expected[static_cast<std::size_t>(global.offset + i)]), 2);
    }
    for (std::int64_t i = piece.begin; i < piece.end; ++i) {
      const std::int64_t row = i / held.columns(), column = i % held.columns();
      if (row >= held.valid_rows) continue;
      const auto place = static_cast<std::size_t>(global.offset + (held.row_begin + row) * global.global_columns() +
                                                  held.column_begin + column);
      const double value = found[static_cast<std::size_t>(piece.shard_offset + i - piece.begin)];
      difference += std::pow(value - static_cast<double>(expected[place]), 2);
    }
    EXPECT_LE(std::sqrt(difference), bound * std::sqrt(norm)) << held.name;
  }
}

// All ranks go on or stop together: one that left alone would leave the others waiting.
bool failed_anywhere() {
  const parallel::ProcessGrid all = parallel::make_process_grid("auto", 1);
  return all.world->all_reduce_max(testing::Test::HasFailure() ? 1 : 0) != 0;
}

struct Bounds {
  double loss, weights;  // relative; of the update
};

template <class T>
void expect_equal_on_grid(const train::Stage& stage, bool tied, const parallel::ProcessGrid& grid,
                          TrainingProblem<T>& whole, const Run<T>& expected, const Bounds& bounds) {
  SCOPED_TRACE(testing::Message() << stage.objective.objective << ", tp " << grid.tp->size() << " x dp "
                                  << grid.dp->size() << ", zero " << stage.parallel.zero << ", recompute "
                                  << stage.recompute << (stage.parallel.sequence_parallel ? ", split tokens" : ""));
  TrainingProblem<T> part(stage, grid, tied);
  const Run<T> found = run(part, static_cast<int>(expected.losses.size()));
  for (std::size_t i = 0; i < expected.losses.size(); ++i) {
    EXPECT_NEAR(found.losses[i], expected.losses[i], bounds.loss * std::abs(expected.losses[i])) << "step " << i;
    EXPECT_NEAR(found.norms[i], expected.norms[i], bounds.weights * expected.norms[i]) << "step " << i;
  }
  const Norms norms = compare(whole, part);
  EXPECT_LE(norms.difference, bounds.weights * norms.update);
  EXPECT_GT(norms.update, 0);
  expect_equal_moments(whole, part, bounds.weights);
}

template <class T>
void expect_equal_to_one_rank(const train::Stage& stage, bool tied, int steps, const std::vector<Grid>& on,
                              const Bounds& bounds) {
  const parallel::ProcessGrid alone = one_rank();
  train::Stage serial = stage;
  serial.parallel.zero = 1;
  serial.parallel.sequence_parallel = false;
  serial.recompute = "none";
  TrainingProblem<T> whole(serial, alone, tied);
  const Run<T> expected = run(whole, steps);
  for (const Grid& g : on) {
    const parallel::ProcessGrid grid = parallel::make_process_grid("auto", g.tp, g.tp * g.dp);
    if (grid.world) expect_equal_on_grid(stage, tied, grid, whole, expected, bounds);
    if (failed_anywhere()) return;  // one case tells enough
  }
}

// In double the bounds are those of rounding, so that a gradient with one wrong element is seen: AdamW magnifies a
// difference by at most lr / eps relative to the gradient, and 3 steps add up a few thousand roundings.
constexpr Bounds kDouble{1e-11, 1e-8};

// Objectives and tied embeddings take turns over grids x ZeRO levels x recomputation x split tokens.
TEST(ParallelStep, EveryGridZeroLevelAndRecomputation) {
  const char* objectives[] = {"sft", "dpo", "simpo", "s-dpo", "recpo"};
  std::size_t turn = 0;
  for (const int zero : {0, 1, 2}) {
    for (const char* recompute : {"none", "selective", "block"}) {
      for (const bool split : {false, true}) {
        train::Stage stage = small_stage(objectives[turn % 5]);
        stage.parallel.zero = zero;
        stage.parallel.sequence_parallel = split;
        stage.recompute = recompute;
        expect_equal_to_one_rank<double>(stage, turn++ % 2 == 1, 2, grids(world_size()), kDouble);
        if (failed_anywhere()) return;
      }
    }
  }
}

TEST(ParallelStep, EveryObjectiveOnEveryGrid) {
  for (const char* objective : {"sft", "dpo", "simpo", "s-dpo", "recpo"}) {
    expect_equal_to_one_rank<double>(small_stage(objective), false, 2, grids(world_size()), kDouble);
  }
}

TEST(ParallelStep, FiftyStepsInFloat) {
  expect_equal_to_one_rank<float>(small_stage("recpo"), false, 50, grids(world_size()), {1e-5, 1e-4});
}

template <class T>
void expect_same_bits(const train::Stage& stage, int steps) {
  const parallel::ProcessGrid alone = one_rank();
  TrainingProblem<T> whole(stage, alone);
  const Run<T> expected = run(whole, steps);
  for (int dp = 2; dp <= world_size(); dp *= 2) {
    for (const bool recompute : {false, true}) {
      train::Stage other = stage;
      other.recompute = recompute ? "block" : "none";
      const parallel::ProcessGrid grid = parallel::make_process_grid("auto", 1, dp);
      if (!grid.world) continue;
      TrainingProblem<T> part(other, grid);
      const Run<T> found = run(part, steps);
      EXPECT_EQ(found.losses, expected.losses) << "dp " << dp << ", zero " << stage.parallel.zero;
      EXPECT_EQ(found.norms, expected.norms) << "dp " << dp << ", zero " << stage.parallel.zero;
      EXPECT_EQ(found.weights, expected.weights) << "dp " << dp << ", zero " << stage.parallel.zero;
    }
  }
}

TEST(ParallelStep, DataParallelRanksGiveTheSameBits) {
  for (const int zero : {0, 1, 2}) {
    for (const char* moments : {"fp32", "bf16"}) {
      train::Stage stage = small_stage("recpo");
      stage.parallel.zero = zero;
      stage.optimizer.moments = moments;
      expect_same_bits<float>(stage, 5);
    }
  }
}

// With one row a leaf every level of ZeRO has the same leaves.
TEST(ParallelStep, ZeroLevelsGiveTheSameBits) {
  std::vector<float> expected;
  for (const int zero : {0, 1, 2}) {
    train::Stage stage = small_stage("recpo");
    stage.parallel.zero = zero;
    stage.options.global_batch = 8;
    const parallel::ProcessGrid grid = parallel::make_process_grid("auto", 1);
    TrainingProblem<float> problem(stage, grid);
    const std::vector<float> weights = run(problem, 5).weights;
    if (zero == 0) expected = weights;
    EXPECT_EQ(weights, expected) << "zero " << zero;
  }
}

TEST(ParallelStep, FewerRowsThanLeavesLeaveRanksIdle) {
  train::Stage stage = small_stage("recpo");
  stage.options.global_batch = 9;  // two rounds of eight leaves
  stage.parallel.zero = 2;
  expect_equal_to_one_rank<double>(stage, false, 3, {{1, world_size()}}, kDouble);
}

}  // namespace
}  // namespace recpo::test
