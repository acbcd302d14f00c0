// Run on 4 and 8 ranks: a checkpoint written by any grid of tensor- and data-parallel ranks continues on any other, at
// another ZeRO level and with another recomputation, as the run that was never stopped.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "src/checkpoint/checkpoint.hpp"
#include "tests/train/training_problem.hpp"

namespace recpo::test {
namespace {
namespace fs = std::filesystem;

constexpr int kBefore = 3, kAfter = 2;

struct Grid {
  int tp, dp;
};
constexpr Grid kGrids[] = {{1, 1}, {1, 2}, {1, 4}, {2, 1}, {2, 2}, {2, 4}, {4, 1}, {4, 2}};

train::Stage stage_on(const Grid& g) {
  train::Stage stage = small_stage("recpo");
  stage.parallel.zero = (g.tp + g.dp) % 3;
  stage.recompute = g.dp == 2 ? model::Recompute::kBlock : model::Recompute::kNone;
  stage.parallel.sequence_parallel = g.tp == 2;
  return stage;
}

// A folder all ranks know, gone with the test.
class SharedFolder {
 public:
  explicit SharedFolder(parallel::Communicator& world) : world_(world) {
    const std::string name = fmt::format("recpo-reshard-{}", ::getpid());
    path_ = fs::temp_directory_path() / world.all_gather(name).front();
    world.barrier();
  }
  ~SharedFolder() {
    world_.barrier();
    if (world_.rank() == 0) fs::remove_all(path_);
  }
  const fs::path& path() const { return path_; }

 private:
  parallel::Communicator& world_;
  fs::path path_;
};

fs::path folder_of(const SharedFolder& shared, const Grid& g) {
  return shared.path() / fmt::format("tp{}-dp{}", g.tp, g.dp);
}

void write(const SharedFolder& shared, const Grid& g) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, g.tp, g.tp * g.dp);
  if (!grid.world) return;
  TrainingProblem<double> problem(stage_on(g), grid);
  problem.run(kBefore);
  checkpoint::Progress progress;
  progress.stage = "align";
  progress.step = kBefore;
  const std::vector<std::string> texts{"a tokenizer travels with every checkpoint"};
  const text::Tokenizer tokenizer = text::Tokenizer::train(texts, 270);
  checkpoint::save_checkpoint<double>(folder_of(shared, g), progress, problem.config(), problem.store(),
                                      &problem.optimizer(), tokenizer, 1, grid);
}

void expect_continued(const SharedFolder& shared, const Grid& from, const Grid& to,
                      const std::vector<train::StepMetrics>& expected) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, to.tp, to.tp * to.dp);
  if (!grid.world) return;
  SCOPED_TRACE(testing::Message() << "from tp " << from.tp << " x dp " << from.dp << " to tp " << to.tp << " x dp "
                                  << to.dp);
  TrainingProblem<double> problem(stage_on(to), grid);
  const fs::path step = folder_of(shared, from) / fmt::format("step_{}", kBefore);
  checkpoint::load_weights<double>(step, problem.store());
  checkpoint::load_optimizer<double>(step, problem.optimizer());
  const std::vector<train::StepMetrics> found = problem.run(kAfter, kBefore);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const train::StepMetrics& other = expected[kBefore + i];
    EXPECT_NEAR(found[i].loss, other.loss, 1e-11 * std::abs(other.loss));
    EXPECT_NEAR(found[i].grad_norm, other.grad_norm, 1e-8 * other.grad_norm);
  }
}

TEST(Reshard, EveryGridContinuesOnEveryOther) {
  const parallel::ProcessGrid world = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  const SharedFolder shared(*world.world);
  const parallel::ProcessGrid alone = one_rank();
  TrainingProblem<double> uninterrupted(stage_on({1, 1}), alone);
  const std::vector<train::StepMetrics> expected = uninterrupted.run(kBefore + kAfter);
  for (const Grid& from : kGrids) {
    if (from.tp * from.dp <= world.world->size()) write(shared, from);
  }
  world.world->barrier();
  for (const Grid& from : kGrids) {
    for (const Grid& to : kGrids) {
      if (std::max(from.tp * from.dp, to.tp * to.dp) > world.world->size()) continue;
      expect_continued(shared, from, to, expected);
    }
  }
}

}  // namespace
}  // namespace recpo::test
