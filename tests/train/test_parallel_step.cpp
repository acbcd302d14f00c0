// Run on 4 and 8 ranks: the same steps on every grid of as many tensor- and data-parallel ranks or fewer, at every ZeRO
// level, with every objective and recomputation, against one rank.

#include <gtest/gtest.h>

#include <cmath>

#include "tests/train/training_problem.hpp"

namespace recpo::test {
namespace {

struct Grid {
  int tp, dp;
};

int world_size() { return parallel::make_process_grid(parallel::Backend::kAuto, 1).world->size(); }

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

template <class T>
std::vector<double> states(TrainingProblem<T>& problem, optim::State which) {
  std::vector<Accumulate<T>> values(static_cast<std::size_t>(problem.optimizer().shard().size()));
  problem.optimizer().read_state(which, 0, values);
  return std::vector<double>(values.begin(), values.end());
}

// visit(parameter, its first moments as one rank has them, as the other does): those that `part` owns. A first moment
// is a mean of gradients, so it shows an error of a gradient's size, which AdamW's weights do not.
template <class A, class B, class Visit>
void for_each_owned_moment(TrainingProblem<A>& whole, TrainingProblem<B>& part, const Visit& visit) {
  const std::vector<double> expected = states(whole, optim::State::kFirstMoment),
                            found = states(part, optim::State::kFirstMoment);
  for (const model::ShardPart& piece : part.optimizer().shard().parts()) {
    const model::Parameter& global = whole.store().parameters()[piece.parameter];
    const model::Parameter& held = part.store().parameters()[piece.parameter];
    std::vector<double> a, b;
    for (std::int64_t i = piece.begin; i < piece.end; ++i) {
      const std::int64_t row = i / held.columns(), column = i % held.columns();
      if (row >= held.valid_rows) continue;
      a.push_back(expected[static_cast<std::size_t>(global.offset + (held.row_begin + row) * global.global_columns() +
                                                    held.column_begin + column)]);
      b.push_back(found[static_cast<std::size_t>(piece.shard_offset + i - piece.begin)]);
    }
    visit(piece.parameter, a, b);
  }
}

double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(a[i] - b[i], 2);
  return std::sqrt(sum);
}

// Every parameter's on its own, against the norm of the whole parameter.
template <class T>
void expect_equal_moments(TrainingProblem<T>& whole, TrainingProblem<T>& part, double bound) {
  const std::vector<double> expected = states(whole, optim::State::kFirstMoment);
  for_each_owned_moment(whole, part, [&](std::size_t p, const std::vector<double>& a, const std::vector<double>& b) {
    const model::Parameter& global = whole.store().parameters()[p];
    const auto* begin = expected.data() + global.offset;
    const std::vector<double> all(begin, begin + global.size());
    EXPECT_LE(distance(a, b), bound * distance(all, std::vector<double>(all.size()))) << global.name;
  });
}

// All ranks go on or stop together: one that left alone would leave the others waiting.
bool failed_anywhere() {
  const parallel::ProcessGrid all = parallel::make_process_grid(parallel::Backend::kAuto, 1);
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
                                  << name_of(stage.recompute)
                                  << (stage.parallel.sequence_parallel ? ", split tokens" : ""));
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
  serial.recompute = model::Recompute::kNone;
  TrainingProblem<T> whole(serial, alone, tied);
  const Run<T> expected = run(whole, steps);
  for (const Grid& g : on) {
    const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, g.tp, g.tp * g.dp);
    if (grid.world) expect_equal_on_grid(stage, tied, grid, whole, expected, bounds);
    if (failed_anywhere()) return;  // one case tells enough
  }
}

// In double the bounds are those of rounding, so that a gradient with one wrong element is seen: AdamW magnifies a
// difference by at most lr / eps relative to the gradient, and 3 steps add up a few thousand roundings.
constexpr Bounds kDouble{1e-11, 1e-8};

std::vector<std::string> sft_and_objectives() {
  std::vector<std::string> names = objective::objective_names();
  names.insert(names.begin(), "sft");
  return names;
}

// Objectives and tied embeddings take turns over grids x ZeRO levels x recomputation x split tokens.
TEST(ParallelStep, EveryGridZeroLevelAndRecomputation) {
  const std::vector<std::string> objectives = sft_and_objectives();
  std::size_t turn = 0;
  for (const int zero : {0, 1, 2}) {
    for (const model::Recompute recompute :
         {model::Recompute::kNone, model::Recompute::kSelective, model::Recompute::kBlock}) {
      for (const bool split : {false, true}) {
        train::Stage stage = small_stage(objectives[turn % objectives.size()]);
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
  for (const std::string& objective : sft_and_objectives()) {
    expect_equal_to_one_rank<double>(small_stage(objective), false, 2, grids(world_size()), kDouble);
  }
}

TEST(ParallelStep, FiftyStepsInFloat) {
  expect_equal_to_one_rank<float>(small_stage("recpo"), false, 50, grids(world_size()), {1e-5, 1e-4});
}

// Of the slices that a data-parallel rank owns; the layout of a store does not depend on the ranks.
template <class T>
void expect_same_master(TrainingProblem<T>& whole, TrainingProblem<T>& part) {
  if (!optim::AdamW<T>::kHasMaster) return;
  const std::vector<double> expected = states(whole, optim::State::kMaster),
                            found = states(part, optim::State::kMaster);
  for (const model::ShardPart& piece : part.optimizer().shard().parts()) {
    const auto* all = expected.data() + piece.store_offset;  // a whole shard is stored like the weights
    const auto* own = found.data() + piece.shard_offset;
    EXPECT_TRUE(std::equal(own, own + piece.size(), all)) << whole.store().parameters()[piece.parameter].name;
  }
}

template <class T>
void expect_same_bits(const train::Stage& stage, int steps) {
  const parallel::ProcessGrid alone = one_rank();
  TrainingProblem<T> whole(stage, alone);
  const Run<T> expected = run(whole, steps);
  for (int dp = 2; dp <= world_size(); dp *= 2) {
    for (const bool recompute : {false, true}) {
      train::Stage other = stage;
      other.recompute = recompute ? model::Recompute::kBlock : model::Recompute::kNone;
      const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1, dp);
      if (!grid.world) continue;
      TrainingProblem<T> part(other, grid);
      const Run<T> found = run(part, steps);
      EXPECT_EQ(found.losses, expected.losses) << "dp " << dp << ", zero " << stage.parallel.zero;
      EXPECT_EQ(found.norms, expected.norms) << "dp " << dp << ", zero " << stage.parallel.zero;
      EXPECT_EQ(found.weights, expected.weights) << "dp " << dp << ", zero " << stage.parallel.zero;
      expect_same_master(whole, part);
    }
  }
}

TEST(ParallelStep, DataParallelRanksGiveTheSameBits) {
  for (const int zero : {0, 1, 2}) {
    for (const optim::Moments moments : {optim::Moments::kFp32, optim::Moments::kBf16}) {
      train::Stage stage = small_stage("recpo");
      stage.parallel.zero = zero;
      stage.optimizer.moments = moments;
      expect_same_bits<float>(stage, 5);
    }
  }
}

TEST(ParallelStep, DataParallelRanksGiveTheSameBitsInBfloat16) {
  for (const int zero : {0, 1, 2}) {
    train::Stage stage = small_stage("recpo");
    stage.parallel.zero = zero;
    stage.optimizer.moments = zero == 1 ? optim::Moments::kFp32 : optim::Moments::kBf16;
    expect_same_bits<Bfloat16>(stage, 3);
  }
}

// With one row a leaf every level of ZeRO has the same leaves.
template <class T>
void expect_equal_zero_levels() {
  std::vector<T> expected;
  for (const int zero : {0, 1, 2}) {
    train::Stage stage = small_stage("recpo");
    stage.parallel.zero = zero;
    stage.options.global_batch = 8;
    const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
    TrainingProblem<T> problem(stage, grid);
    const std::vector<T> weights = run(problem, 5).weights;
    if (zero == 0) expected = weights;
    EXPECT_EQ(weights, expected) << "zero " << zero;
    EXPECT_NE(weights, problem.start());
  }
}

TEST(ParallelStep, ZeroLevelsGiveTheSameBits) { expect_equal_zero_levels<float>(); }
TEST(ParallelStep, ZeroLevelsGiveTheSameBitsInBfloat16) { expect_equal_zero_levels<Bfloat16>(); }

// What rounding to bfloat16 may do to one step, as tests/model/test_bfloat16_model.cpp derives it: the response of the
// step in double to weights that are moved by 2^-8 each, up or down at random, for every rounding of a product. One
// rank rounds five times a product. Shards round their parts of the sums of o and down, forward and backward, before
// they are added: four more a block of four products, one more for the head's.
constexpr double kRoundings = 5 + 6;

struct Response {
  double loss = 0, norm = 0;
  std::vector<double> moments;  // of each parameter
};

Response response(const train::Stage& stage, const std::vector<Bfloat16>& weights) {
  const parallel::ProcessGrid alone = one_rank();
  const auto set = [&](TrainingProblem<double>& problem, int draw) {
    Random random(31, "moved weights", static_cast<std::uint64_t>(draw));
    std::vector<double> moved(weights.begin(), weights.end());
    for (double& weight : moved) weight *= 1 + (draw == 0 ? 0 : random.below(2) == 0 ? 0x1p-8 : -0x1p-8);
    set_values(problem.store().weights(), moved);
    return problem.run(1).front();
  };
  TrainingProblem<double> exact(stage, alone);
  const train::StepMetrics expected = set(exact, 0);
  Response largest{0, 0, std::vector<double>(exact.store().parameters().size())};
  constexpr int kDraws = 4;
  for (int draw = 1; draw <= kDraws; ++draw) {
    TrainingProblem<double> moved(stage, alone);
    const train::StepMetrics metrics = set(moved, draw);
    largest.loss = std::max(largest.loss, std::abs(metrics.loss - expected.loss));
    largest.norm = std::max(largest.norm, std::abs(metrics.grad_norm - expected.grad_norm));
    for_each_owned_moment(exact, moved, [&](std::size_t p, const std::vector<double>& a, const std::vector<double>& b) {
      largest.moments[p] = std::max(largest.moments[p], distance(a, b));
    });
  }
  return largest;
}

void expect_within_response(const train::Stage& stage, const Grid& g) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, g.tp, g.tp * g.dp);
  if (!grid.world) return;
  SCOPED_TRACE(testing::Message() << "tp " << g.tp << " x dp " << g.dp);
  const parallel::ProcessGrid alone = one_rank();
  train::Stage serial = stage;
  serial.parallel.sequence_parallel = false;
  TrainingProblem<Bfloat16> whole(serial, alone), part(stage, grid);
  const train::StepMetrics expected = whole.run(1).front(), found = part.run(1).front();
  const Response allowed = response(serial, whole.start());
  const double growth = std::sqrt(kRoundings);
  EXPECT_NEAR(found.loss, expected.loss, growth * allowed.loss);
  EXPECT_NEAR(found.grad_norm, expected.grad_norm, growth * allowed.norm);
  EXPECT_GT(compare(whole, part).update, 0);
  for_each_owned_moment(whole, part, [&](std::size_t p, const std::vector<double>& a, const std::vector<double>& b) {
    EXPECT_LE(distance(a, b), growth * allowed.moments[p]) << whole.store().parameters()[p].name;
  });
}

TEST(ParallelStep, TensorParallelShardsFollowOneRankInBfloat16) {
  train::Stage stage = small_stage("recpo");
  for (const Grid& g : grids(world_size())) {
    if (g.tp == 1) continue;
    stage.parallel.sequence_parallel = g.dp == 2;
    stage.parallel.zero = std::min(g.dp, 2);
    expect_within_response(stage, g);
    if (failed_anywhere()) return;
  }
}

TEST(ParallelStep, FewerRowsThanLeavesLeaveRanksIdle) {
  train::Stage stage = small_stage("recpo");
  stage.options.global_batch = 9;  // two rounds of eight leaves
  stage.parallel.zero = 2;
  std::vector<Grid> data_parallel = grids(world_size());
  std::erase_if(data_parallel, [](const Grid& g) { return g.tp > 1; });
  expect_equal_to_one_rank<double>(stage, false, 3, data_parallel, kDouble);
}

}  // namespace
}  // namespace recpo::test
