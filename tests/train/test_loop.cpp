// When the loop of steps saves, stops and gives up, with steps that compute nothing.

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "src/parallel/communicator.hpp"
#include "src/support/check.hpp"
#include "src/train/loop.hpp"

namespace recpo::test {
namespace {

constexpr std::chrono::milliseconds kNone{0}, kSlow{200};

// A run of `total` steps; `steps` and `saves` record the step counts of its calls.
struct EmptySteps {
  explicit EmptySteps(std::int64_t total) : total_steps(total) {
    checkpoint.every_steps = 0;
    checkpoint.every_minutes = 0;
  }

  void run(const train::StopRequested& stop_requested = {}) {
    const auto run_step = [this](std::int64_t step) -> train::StepResult {
      steps.push_back(step);
      std::this_thread::sleep_for(step == slow_step ? kSlow : kNone);
      const bool bad = bad_steps.contains(step);
      return {bad ? std::numeric_limits<double>::infinity() : 1.0,
              1.0,
              bad,
              step + 1 == last_step,
              "note",
              good_steps.contains(step)};
    };
    const auto save = [this] {
      saves.push_back(state.step);
      std::this_thread::sleep_for(state.step == slow_save ? kSlow : kNone);
    };
    train::run_loop({"test", total_steps, 1, "lower something", checkpoint, run_step, save}, state, world,
                    stop_requested);
  }

  std::int64_t total_steps;
  train::CheckpointOptions checkpoint;
  std::int64_t last_step = total_steps, slow_step = -1, slow_save = -1;
  std::set<std::int64_t> bad_steps, good_steps;
  train::LoopState state;
  std::vector<std::int64_t> steps, saves;
  parallel::SerialCommunicator world;
};

using Steps = std::vector<std::int64_t>;

TEST(Loop, SavesAtTheEndOnly) {
  EmptySteps run(3);
  run.run();
  EXPECT_EQ(run.steps, (Steps{0, 1, 2}));
  EXPECT_EQ(run.saves, Steps{3});
  EXPECT_TRUE(run.state.complete);
  run.run();  // nothing is left
  EXPECT_EQ(run.saves, Steps{3});
}

TEST(Loop, SavesEveryFewStepsAndEveryFewMinutes) {
  EmptySteps by_count(5);
  by_count.checkpoint.every_steps = 2;
  by_count.run();
  EXPECT_EQ(by_count.saves, (Steps{2, 4, 5}));
  EmptySteps by_clock(3);
  by_clock.checkpoint.every_minutes = 1e-12;
  by_clock.run();
  EXPECT_EQ(by_clock.saves, (Steps{1, 2, 3}));
}

TEST(Loop, SavesAStepWorthIt) {
  EmptySteps run(4);
  run.good_steps = {1};
  run.run();
  EXPECT_EQ(run.saves, (Steps{2, 4}));
}

TEST(Loop, EndsBeforeItsTotal) {
  EmptySteps run(9);
  run.last_step = 3;
  run.run();
  EXPECT_EQ(run.steps, (Steps{0, 1, 2}));
  EXPECT_EQ(run.saves, Steps{3});
  EXPECT_TRUE(run.state.complete);
}

TEST(Loop, StopsWithACheckpointAndContinues) {
  EmptySteps run(4);
  run.run([&](double) { return run.state.step == 2; });
  EXPECT_EQ(run.saves, Steps{2});
  EXPECT_FALSE(run.state.complete);
  run.run([&](double) { return run.state.step == 4; });  // too late to stop: it is complete
  EXPECT_EQ(run.steps, (Steps{0, 1, 2, 3}));
  EXPECT_EQ(run.saves, (Steps{2, 4}));
  EXPECT_TRUE(run.state.complete);
}

// The longest step, and the last save: a slow one of long ago says nothing of the next.
TEST(Loop, SaysWhatOneMoreStepAndASaveTake) {
  EmptySteps run(5);
  run.checkpoint.every_steps = 1;
  run.slow_step = 1;
  run.slow_save = 3;
  std::vector<double> needed;
  run.run([&](double seconds) {
    needed.push_back(seconds);
    return false;
  });
  const double slow = std::chrono::duration<double>(kSlow).count();
  ASSERT_EQ(needed.size(), 4u);  // not after the last
  EXPECT_LT(needed[0], slow);
  EXPECT_GE(needed[1], slow);
  EXPECT_GE(needed[2], slow);
  EXPECT_GE(needed[3], 2 * slow);
}

TEST(Loop, GivesUpAfterTooManyBadSteps) {
  EmptySteps run(9);
  run.bad_steps = {1, 4};
  try {
    run.run();
    FAIL() << "two bad steps where one is allowed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kNumerics);
    EXPECT_NE(std::string(error.what()).find("2 steps had a non-finite loss or gradient, the last one step 5: lower "),
              std::string::npos)
        << error.what();
  }
  EXPECT_EQ(run.state.bad_steps, 2);
  EXPECT_TRUE(run.saves.empty());
}

TEST(Loop, RefusesACheckpointOfOtherInputs) {
  train::require_same_inputs(true, "run/step_3", "run");
  EXPECT_THROW(train::require_same_inputs(false, "run/step_3", "run"), Error);
}

}  // namespace
}  // namespace recpo::test
