#include "src/train/loop.hpp"

#include <algorithm>

#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/support/units.hpp"

namespace recpo::train {
namespace {

class SaveClock {
 public:
  explicit SaveClock(const CheckpointOptions& options) : options_(options) {}
  bool due(std::int64_t step) const {
    return (options_.every_steps > 0 && step % options_.every_steps == 0) ||
           (options_.every_minutes > 0 && seconds_since(last_) >= 60 * options_.every_minutes);
  }
  void reset() { last_ = Clock::now(); }

 private:
  const CheckpointOptions& options_;
  Clock::time_point last_ = Clock::now();
};

void count_bad_step(const Loop& loop, const StepResult& result, LoopState& state) {
  log::warn("{}: step {} is not finite (loss {}, gradient norm {}) and leaves the weights alone", loop.title,
            state.step, result.loss, result.grad_norm);
  if (++state.bad_steps <= loop.max_bad_steps) return;
  throw_error(ExitCode::kNumerics, "{}: {} steps had a non-finite loss or gradient, the last one step {}: {}",
              loop.title, state.bad_steps, state.step, loop.advice);
}

enum Decision : int { kGoOn = 0, kSave = 1, kSaveAndStop = 2 };  // of several ranks the largest counts

}  // namespace

void run_loop(const Loop& loop, LoopState& state, parallel::Communicator& world, const StopRequested& stop_requested) {
  if (state.step > 0) log::info("{}: continues after step {} of {}", loop.title, state.step, loop.total_steps);
  Progress bar(loop.title, loop.total_steps, "steps", state.step);
  SaveClock save_clock(loop.checkpoint);
  double longest_step = 0, last_save = 0;  // seconds
  while (!state.complete && state.step < loop.total_steps) {
    const auto step_begin = Clock::now();
    const StepResult result = loop.run_step(state.step);
    longest_step = std::max(longest_step, seconds_since(step_begin));
    ++state.step;
    state.complete = result.last;
    bar.set_note(result.note);
    bar.advance();
    if (result.skipped) count_bad_step(loop, result, state);

    const bool stop = !state.complete && stop_requested && stop_requested(longest_step + last_save);
    const bool save = state.complete || result.save || save_clock.due(state.step);
    const int decision = world.all_reduce_max(stop ? kSaveAndStop : save ? kSave : kGoOn);
    if (decision == kGoOn) continue;
    const auto save_begin = Clock::now();
    loop.save();
    last_save = seconds_since(save_begin);
    save_clock.reset();
    if (decision == kSaveAndStop) return;
  }
}

void require_same_inputs(bool same, const std::filesystem::path& checkpoint, const std::filesystem::path& folder) {
  if (same) return;
  throw_usage(
      "{} was made from another deck, other rows or another start model: choose another run.dir, or remove {} to train "
      "again",
      checkpoint.string(), folder.string());
}

}  // namespace recpo::train
