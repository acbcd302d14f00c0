#pragma once
// The loop of optimizer steps that language models and baselines share: progress, non-finite steps, checkpoints by
// count and by clock, and an orderly stop that all ranks agree on. Collective over the world.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "src/parallel/communicator.hpp"
#include "src/train/options.hpp"

namespace recpo::train {

// Asked once a step, with the agreement of all ranks, and told what one more step and a save may take: the longest step
// and the last save so far, measured. True = save a complete checkpoint and stop (exit code 75).
using StopRequested = std::function<bool(double seconds_needed)>;

// Of a step that has been done.
struct StepResult {
  double loss = 0, grad_norm = 0;
  bool skipped = false;  // loss or gradient are not finite: the weights were left alone
  bool last = false;     // nothing is left to train
  std::string note;      // of the progress bar
  bool save = false;     // worth a checkpoint of its own
};

// What a checkpoint keeps of the loop.
struct LoopState {
  std::int64_t step = 0;  // steps done
  std::int64_t bad_steps = 0;
  bool complete = false;
};

struct Loop {
  std::string title;
  std::int64_t total_steps = 0;  // the most there can be
  std::int64_t max_bad_steps = 3;
  std::string advice;  // against non-finite steps: "lower optimizer.lr"
  const CheckpointOptions& checkpoint;
  std::function<StepResult(std::int64_t step)> run_step;  // step counts from 0; the same result on every rank
  std::function<void()> save;                             // the state as it is now
};

// From state.step to the last step, which is followed by a checkpoint, or to a checkpoint after a requested stop: then
// state.complete is false. Throws kNumerics when more than max_bad_steps steps were not finite.
void run_loop(const Loop& loop, LoopState& state, parallel::Communicator& world, const StopRequested& stop_requested);

// Throws kUsage unless a checkpoint in `folder` was made from the inputs that are wanted now.
void require_same_inputs(bool same, const std::filesystem::path& checkpoint, const std::filesystem::path& folder);

}  // namespace recpo::train
