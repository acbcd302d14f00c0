#include "src/train/train.hpp"

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "src/checkpoint/checkpoint.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"
#include "src/train/step.hpp"
#include "src/train/summary.hpp"

namespace recpo::train {
namespace {
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

// What travels with a checkpoint besides weights, moments and counters.
struct TrainerState {
  std::int64_t bad_steps = 0;
  std::int64_t num_tokens = 0;
};
std::string to_json(const TrainerState& state) {
  return nlohmann::json{{"bad_steps", state.bad_steps}, {"num_tokens", state.num_tokens}}.dump();
}
TrainerState parse_state(const std::string& text, const fs::path& checkpoint) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) throw_input("{}: the manifest holds no trainer state", checkpoint.string());
  return {json.value("bad_steps", std::int64_t{0}), json.value("num_tokens", std::int64_t{0})};
}

// Loads the newest whole checkpoint of the stage, if any. Ranks share the check of its hashes; each reads its part.
template <class T>
checkpoint::Progress resume(const Stage& stage, const fs::path& folder, model::ParameterStore<T>& store,
                            optim::AdamW<T>& optimizer, TrainerState& state, parallel::Communicator& world) {
  checkpoint::Progress progress;
  const std::optional<fs::path> newest = checkpoint::find_newest(folder, world);
  if (!newest) return progress;
  progress = checkpoint::read_manifest(*newest).progress;
  if (progress.inputs_hash != stage.inputs_hash) {
    throw_usage(
        "{} was made from another deck, other rows or another start model: choose another run.dir, or remove "
        "{} to train again",
        newest->string(), folder.string());
  }
  state = parse_state(progress.extra, *newest);
  checkpoint::load_weights<T>(*newest, store);
  if (!progress.complete) checkpoint::load_optimizer<T>(*newest, optimizer);
  optimizer.set_steps_done(progress.step - state.bad_steps);
  return progress;
}

class SaveClock {
 public:
  explicit SaveClock(const CheckpointOptions& options) : options_(options), last_(Clock::now()) {}
  bool due(std::int64_t step) const {
    const double minutes = std::chrono::duration<double>(Clock::now() - last_).count() / 60;
    return (options_.every_steps > 0 && step % options_.every_steps == 0) ||
           (options_.every_minutes > 0 && minutes >= options_.every_minutes);
  }
  void reset() { last_ = Clock::now(); }

 private:
  const CheckpointOptions& options_;
  Clock::time_point last_;
};

void log_lines(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) log::info("{}", line);
}

enum Decision : int { kGoOn = 0, kSave = 1, kSaveAndStop = 2 };
}  // namespace

std::int64_t total_steps(const StageOptions& options, std::int64_t samples) {
  if (options.steps > 0) return options.steps;
  return (options.epochs * samples + options.global_batch - 1) / options.global_batch;
}

template <class T>
Outcome train(const Stage& stage, const SampleSet& set, const ReferenceLogps& reference,
              const model::LlamaConfig& config, model::ParameterStore<T>& store, const text::Tokenizer& tokenizer,
              const parallel::ProcessGrid& grid, const StopRequested& stop_requested, const Heartbeat& heartbeat) {
  if (set.dropped > 0)
    log::warn("{}: {} training rows have too few dispreferred answers and are left out", stage.name, set.dropped);
  const std::int64_t steps = total_steps(stage.options, static_cast<std::int64_t>(set.samples.size()));

  const fs::path folder = stage.run_folder / "checkpoints" / stage.name;
  const fs::path metrics_file = stage.run_folder / "metrics.jsonl";
  model::ParameterStore<T>& trained = model::trained_store(store);
  optim::AdamW<T> optimizer(stage.optimizer, trained,
                            DataParallel<T>::owned(trained, static_cast<int>(stage.parallel.zero), *grid.dp));
  TrainerState state;
  heartbeat("reading the newest checkpoint");
  checkpoint::Progress progress = resume(stage, folder, trained, optimizer, state, *grid.world);
  if (progress.complete) return {true, progress.step};
  const bool writes = grid.world->rank() == 0;
  if (writes) rewind_metrics(metrics_file, stage.name, progress.step);
  if (progress.step > 0) log::info("{}: continues after step {} of {}", stage.name, progress.step, steps);

  progress.stage = stage.name;
  progress.total_steps = steps;
  progress.inputs_hash = stage.inputs_hash;
  progress.rows_hash = stage.rows_hash;
  progress.deck = stage.deck_text;
  if (store.adapters()) progress.adapters = {store.adapters()->options, stage.base};
  TrainingStep<T> step(stage, set.samples, reference, config, store, optimizer, grid, steps, heartbeat);
  Progress bar(stage.name, steps, "steps", progress.step);
  SaveClock save_clock(stage.checkpoint);
  StageSummary summary;
  while (progress.step < steps) {
    StepMetrics metrics = step.run(progress.step);
    summary.add(metrics);
    ++progress.step;
    progress.samples += stage.options.global_batch;
    state.num_tokens += metrics.num_tokens;
    state.bad_steps += metrics.skipped ? 1 : 0;
    metrics.num_tokens = state.num_tokens;
    if (writes) append_to_file(metrics_file, to_json_line(metrics));
    bar.set_note(progress_note(metrics));
    bar.advance();
    if (metrics.skipped) {
      log::warn("{}: step {} is not finite (loss {}, gradient norm {}) and leaves the weights alone", stage.name,
                metrics.step, metrics.loss, metrics.grad_norm);
      if (state.bad_steps > stage.max_bad_steps) {
        throw_error(
            ExitCode::kNumerics,
            "{}: {} steps had a non-finite loss or gradient, the last one step {}: lower optimizer.lr, or start "
            "again from an earlier checkpoint in {}",
            stage.name, state.bad_steps, metrics.step, folder.string());
      }
    }

    progress.complete = progress.step == steps;
    const bool stop = stop_requested && stop_requested();
    int decision = stop ? kSaveAndStop : (progress.complete || save_clock.due(progress.step) ? kSave : kGoOn);
    decision = grid.world->all_reduce_max(decision);
    if (decision == kGoOn) continue;
    step.settle();
    heartbeat("saving a checkpoint");
    progress.extra = to_json(state);
    checkpoint::save_checkpoint<T>(folder, progress, config, trained, &optimizer, tokenizer,
                                   static_cast<int>(stage.checkpoint.keep), grid, stage.companions);
    save_clock.reset();
    if (decision == kSaveAndStop) break;
  }
  step.settle();
  log_lines(summary.text(stage.name, step.memory()));
  return {progress.complete, progress.step};
}

#define RECPO_INSTANTIATE(T)                                                                                  \
  template Outcome train<T>(const Stage&, const SampleSet&, const ReferenceLogps&, const model::LlamaConfig&, \
                            model::ParameterStore<T>&, const text::Tokenizer&, const parallel::ProcessGrid&,  \
                            const StopRequested&, const Heartbeat&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::train
