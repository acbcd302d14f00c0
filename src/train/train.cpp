#include "src/train/train.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "src/checkpoint/checkpoint.hpp"
#include "src/parallel/collective_try.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/support/memory_pool.hpp"
#include "src/train/loop.hpp"
#include "src/train/metrics_log.hpp"
#include "src/train/step.hpp"
#include "src/train/validation.hpp"

namespace recpo::train {
namespace {
namespace fs = std::filesystem;

struct TrainerState {
  LoopState loop;
  std::int64_t num_tokens = 0;
  BestStep best;
};

// What a checkpoint keeps of it besides the manifest's own counters.
std::string to_json(const TrainerState& state) {
  nlohmann::json json = {{"bad_steps", state.loop.bad_steps}, {"num_tokens", state.num_tokens}};
  const BestStep& best = state.best;
  if (best.step > 0) json["best"] = {{"metric", name_of(best.metric)}, {"value", best.value}, {"since", best.since}};
  return json.dump();
}

BestStep parse_best(const nlohmann::json& json, std::int64_t step, ValidationMetric metric) {
  if (!json.is_object() || json.value("metric", "") != name_of(metric)) return {metric};  // not comparable
  return {metric, step, json.value("value", 0.0), json.value("since", std::int64_t{0})};
}

TrainerState parse_state(const checkpoint::Progress& progress, const fs::path& checkpoint, ValidationMetric metric) {
  const auto json = nlohmann::json::parse(progress.extra, nullptr, false);
  if (!json.is_object()) throw_input("{}: the manifest holds no trainer state", checkpoint.string());
  TrainerState state;
  state.loop = {progress.step, json.value("bad_steps", std::int64_t{0}), progress.complete};
  state.num_tokens = json.value("num_tokens", std::int64_t{0});
  state.best = parse_best(json.value("best", nlohmann::json()), progress.best_step, metric);
  return state;
}

// Loads the newest whole checkpoint of the stage, if any. Ranks share the check of its hashes; each reads its part.
template <class T>
checkpoint::Progress resume(const Stage& stage, const fs::path& folder, model::ParameterStore<T>& store,
                            optim::AdamW<T>& optimizer, TrainerState& state, parallel::Communicator& world) {
  checkpoint::Progress progress;
  state.best.metric = stage.validation.metric;
  const std::optional<fs::path> newest = checkpoint::find_newest(folder, world);
  if (!newest) return progress;
  progress = checkpoint::read_manifest(*newest).progress;
  require_same_inputs(progress.inputs_hash == stage.inputs_hash, *newest, folder);
  checkpoint::finish_pruning(*newest, static_cast<int>(stage.checkpoint.keep), world);
  state = parse_state(progress, *newest, stage.validation.metric);
  parallel::collective_try(world, [&] {
    checkpoint::load_weights<T>(*newest, store);
    if (!progress.complete) checkpoint::load_optimizer<T>(*newest, optimizer);
  });
  optimizer.set_steps_done(state.loop.step - state.loop.bad_steps);
  return progress;
}

// Lines at a stage's end: time by phase, bytes sent by axis and collective, and the memory of a rank by kind.
class StageSummary {
 public:
  void add(const StepMetrics& step);  // num_tokens: of the step
  // Lines without a line break at the end; empty when no step was made.
  std::string text(const std::string& stage, const RankMemory& memory) const;

 private:
  std::int64_t steps_ = 0, tokens_ = 0;
  double seconds_ = 0, seconds_tp_ = 0, seconds_dp_ = 0, seconds_optimizer_ = 0, flops_ = 0;
  SentBytes sent_;
};

std::string bytes(std::int64_t n) { return format_bytes(n); }

std::string axis_text(const char* axis, const parallel::Traffic& traffic) {
  return fmt::format("{} {} (all-reduce {}, reduce-scatter {}, all-gather {})", axis, bytes(traffic.total()),
                     bytes(traffic.all_reduce), bytes(traffic.reduce_scatter), bytes(traffic.all_gather));
}

void StageSummary::add(const StepMetrics& step) {
  ++steps_;
  tokens_ += step.num_tokens;
  const double seconds = 1e-3 * step.step_ms;
  seconds_ += seconds;
  seconds_tp_ += 1e-3 * step.comm_ms_tp;
  seconds_dp_ += 1e-3 * step.comm_ms_dp;
  seconds_optimizer_ += 1e-3 * step.optimizer_ms;
  flops_ += step.flops_per_second * seconds;
  sent_.tp += step.sent.tp;
  sent_.dp += step.sent.dp;
}

std::string StageSummary::text(const std::string& stage, const RankMemory& memory) const {
  if (steps_ == 0) return "";
  std::string text = fmt::format("{}: {} steps in {}, {:.0f} tok/s, {:.3f} TFLOP/s; optimizer {:.1f} %", stage, steps_,
                                 format_duration(seconds_), static_cast<double>(tokens_) / seconds_,
                                 1e-12 * flops_ / seconds_, 100 * seconds_optimizer_ / seconds_);
  if (sent_.tp.total() + sent_.dp.total() > 0) {
    text += fmt::format(", communication that did not overlap: tp {:.1f} %, dp {:.1f} %\n{}: a rank sent {}, {}",
                        100 * seconds_tp_ / seconds_, 100 * seconds_dp_ / seconds_, stage, axis_text("tp", sent_.tp),
                        axis_text("dp", sent_.dp));
  }
  text += fmt::format(
      "\n{}: a rank held {}: weights {}, gradients {}, gradient leaves {}, {}moments {}, activations {}", stage,
      bytes(memory.total()), bytes(memory.weights), bytes(memory.gradients), bytes(memory.gradient_leaves),
      memory.master > 0 ? fmt::format("master weights {}, ", bytes(memory.master)) : "", bytes(memory.moments),
      bytes(memory.activations));
  if (const std::int64_t peak = peak_resident_bytes(); peak > 0)
    text += fmt::format("\n{}: the program had {} of host memory resident at most", stage, bytes(peak));
  return text;
}

void log_lines(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) log::info("{}", line);
}

StepShape shape_of(const Stage& stage, const std::vector<Sample>& samples) {
  StepShape shape = step_shape(stage.options, stage.parallel, stage.recompute, stage.lora, samples);
  shape.validation = trees_shape(stage.validation_rows);
  return shape;
}

std::string validation_text(const Stage& stage, std::int64_t step, const ValidationMetrics& metrics, bool best) {
  return fmt::format("{}: validation after step {}: ranked HR@1 {:.4f}, MRR {:.4f}, loss {:.4f}{}", stage.name(), step,
                     metrics.ranked_hit_rate, metrics.mrr, metrics.loss, best ? ", the best so far" : "");
}
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
    log::warn("{}: {} training rows have too few dispreferred answers and are left out", stage.name(), set.dropped);
  const std::int64_t steps = total_steps(stage.options, static_cast<std::int64_t>(set.samples.size()));

  const fs::path folder = stage.run_folder / "checkpoints" / stage.name();
  model::ParameterStore<T>& trained = model::trained_store(store);
  optim::AdamW<T> optimizer(stage.optimizer, trained,
                            DataParallel<T>::owned(trained, static_cast<int>(stage.parallel.zero), *grid.dp));
  TrainerState state;
  heartbeat("reading the newest checkpoint");
  checkpoint::Progress progress = resume(stage, folder, trained, optimizer, state, *grid.world);
  if (progress.complete) return {true, progress.step};
  std::optional<MetricsLog> metrics_log;
  parallel::collective_try(*grid.world, [&] {
    if (grid.world->rank() == 0) metrics_log.emplace(stage.log, stage.run_folder, stage.name(), progress.step, steps);
  });

  progress.stage = stage.name();
  progress.total_steps = steps;
  progress.inputs_hash = stage.inputs_hash;
  progress.rows_hash = stage.rows_hash;
  progress.deck = stage.deck_text;
  if (store.adapters()) progress.adapters = {store.adapters()->options, stage.base};
  TrainingStep<T> step(stage, set.samples, reference, config, store, optimizer, grid, steps, heartbeat);
  std::optional<Validator<T>> validator;
  if (!stage.validation_rows.empty())
    validator.emplace(stage.validation_rows, shape_of(stage, set.samples), config, store, grid);
  StageSummary summary;
  // Gives whether the step is the best so far.
  const auto validate = [&](StepMetrics& metrics) {
    step.settle();
    metrics.validation = validator->run([&] { heartbeat("validation"); });
    const bool best = state.best.add(metrics.step, *metrics.validation);
    log::info("{}", validation_text(stage, metrics.step, *metrics.validation, best));
    return best;
  };
  const auto run_step = [&](std::int64_t index) -> StepResult {
    StepMetrics metrics = step.run(index);
    summary.add(metrics);
    progress.samples += stage.options.global_batch;
    state.num_tokens += metrics.num_tokens;
    metrics.num_tokens = state.num_tokens;
    StepResult result{metrics.loss, metrics.grad_norm, metrics.skipped, metrics.step == steps, progress_note(metrics)};
    if (validator && stage.validation.is_due(metrics.step, steps)) {
      result.save = validate(metrics) && stage.validation.keep_best;
      if (!result.last && stage.validation.patience > 0 && state.best.since >= stage.validation.patience) {
        result.last = true;
        log::info("{}: ends after step {} of {}: {} validations without a better one than step {}", stage.name(),
                  metrics.step, steps, state.best.since, state.best.step);
      }
    }
    if (metrics_log) metrics_log->add(metrics);
    return result;
  };
  const auto save = [&] {
    step.settle();
    heartbeat("saving a checkpoint");
    progress.step = state.loop.step;
    progress.complete = state.loop.complete;
    progress.best_step = state.best.step;
    progress.keep_best = state.best.step > 0 && stage.validation.keep_best;
    progress.extra = to_json(state);
    checkpoint::save_checkpoint<T>(folder, progress, config, trained, &optimizer, tokenizer,
                                   static_cast<int>(stage.checkpoint.keep), grid, stage.auxiliary);
  };
  const std::string advice =
      fmt::format("lower optimizer.lr, or start again from an earlier checkpoint in {}", folder.string());
  run_loop({stage.name(), steps, stage.max_bad_steps, advice, stage.checkpoint, run_step, save}, state.loop,
           *grid.world, stop_requested);
  step.settle();
  RankMemory memory = step.memory();
  if (validator) memory.activations += validator->activation_bytes();
  log_lines(summary.text(stage.name(), memory));
  return {state.loop.complete, state.loop.step};
}

RECPO_INSTANTIATE_STORAGE(train);

template <class T>
std::unique_ptr<model::ParameterStore<T>> training_store(const model::LlamaConfig& config,
                                                         const ParallelOptions& options, const model::LoraOptions& lora,
                                                         const parallel::ProcessGrid& grid) {
  using model::GradientMemory;
  const model::Shard shard{grid.tp->rank(), grid.tp->size()};
  model::check_tensor_parallel(config, shard.size);
  const auto gradients = options.zero == 2 ? GradientMemory::kTwoLayers : GradientMemory::kWhole;
  auto store = std::make_unique<model::ParameterStore<T>>(
      model::llama_parameters(config, shard), lora.exists() ? GradientMemory::kNone : gradients, grid.dp->size());
  if (lora.exists())
    store->attach_adapters(std::make_shared<model::Adapters<T>>(config, lora, shard, gradients, grid.dp->size()));
  return store;
}

template <class T>
RankMemory stage_memory(const Stage& stage, const std::vector<Sample>& samples, const model::LlamaConfig& config,
                        const parallel::ProcessGrid& grid) {
  const StepShape shape = shape_of(stage, samples);
  const model::TensorParallel tensor(*grid.tp, stage.parallel.sequence_parallel);
  return planned_memory<T>(config, tensor, shape, grid.dp->size(), optim::AdamW<T>::bytes_of_moment(stage.optimizer));
}

RECPO_INSTANTIATE_STORAGE(training_store);
RECPO_INSTANTIATE_STORAGE(stage_memory);

}  // namespace recpo::train
