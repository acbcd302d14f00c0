#include "src/app/training.hpp"

#include <fmt/ranges.h>

#include "src/app/commands/commands.hpp"
#include "src/app/precision.hpp"
#include "src/app/store.hpp"
#include "src/checkpoint/checkpoint.hpp"
#include "src/support/check.hpp"
#include "src/support/device_memory.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;

// Whether the start model's adapters are trained on; else they are merged, and new ones stand beside the result.
bool goes_on(const ModelChoice& start, const model::LoraOptions& lora) {
  return start.source && start.source->adapters.options.exists() &&
         checkpoint::same_adapters(start.source->adapters.options, lora);
}

checkpoint::AdapterBase base_of(const ModelChoice& start, const model::LoraOptions& lora) {
  if (goes_on(start, lora)) return start.source->adapters.base;
  if (!start.source) return {"", start.hash, start.seed};
  return {std::filesystem::absolute(start.source->path).lexically_normal().string(), start.hash, 0};
}

// Of a stage without adapters nothing, so that its identity does not depend on unused settings.
std::string lora_settings(const Deck& deck) {
  return deck.model.lora.exists() ? settings_text(deck, {"model.lora"}) : "";
}

// The start model's, and the reference model's where the objective has one.
std::string model_hashes(Workspace& workspace, const std::string& name, const ModelChoice& start) {
  const Deck& deck = workspace.context().deck;
  const std::string own = computed_identity(start, deck);
  if (name == "sft") return own;
  const bool has_reference = objective::needs_reference(deck.objective);
  return own + " " + (has_reference ? computed_identity(reference_model(workspace), deck) : "none");
}

// Rows hold more negatives than an alignment uses.
std::string negatives_setting(const Deck& deck, const std::string& name) {
  return name == "align" ? fmt::format("negatives {}\n", deck.data.negatives) : "";
}

std::string adapters_text(const model::LoraOptions& lora) {
  return lora.exists() ? fmt::format(", adapters of rank {} on {}", lora.rank, fmt::join(lora.targets, ", ")) : "";
}

// All that a rank will hold, before weights are read.
std::unique_ptr<DeviceMemory> take_memory(const std::string& stage, const train::RankMemory& planned) {
  const auto text = [](std::int64_t bytes) { return format_bytes(static_cast<double>(bytes)); };
  try {
    return std::make_unique<DeviceMemory>(planned.total());
  } catch (const std::bad_alloc&) {
    throw_usage(
        "{}: a rank needs {} ({} weights, {} gradients and their sums, {} optimizer, {} activations), more than can be "
        "had: recpo plan shows layouts that fit; or lower {}.micro_batch_tokens",
        stage, text(planned.total()), text(planned.weights), text(planned.gradients + planned.gradient_leaves),
        text(planned.master + planned.moments), text(planned.activations), stage);
  }
}

}  // namespace

train::Stage make_stage(Workspace& workspace, const std::string& name, const ModelChoice& start) {
  const Deck& deck = workspace.context().deck;
  train::Stage stage;
  stage.name = name;
  stage.options = name == "sft" ? deck.sft : deck.align;
  stage.optimizer = deck.optimizer;
  if (stage.options.lr > 0) stage.optimizer.lr = stage.options.lr;
  stage.objective = deck.objective;
  stage.checkpoint = deck.checkpoint;
  stage.log = deck.log;
  stage.seed = deck.run.seed;
  stage.max_bad_steps = deck.run.max_bad_steps;
  stage.parallel = deck.parallel;
  stage.recompute = deck.model.recompute;
  stage.lora = deck.model.lora;
  stage.rows_hash = workspace.rows().hash;
  stage.deck_text = print_deck(deck);
  stage.inputs_hash = sha256_hex(fmt::format(
      "{}\nrows {}\nmodels {}\nseed {}\n{}", name, stage.rows_hash, model_hashes(workspace, name, start), deck.run.seed,
      settings_text(deck, {"optimizer", name}) + lora_settings(deck) + negatives_setting(deck, name)));
  stage.run_folder = output_folder(workspace.context(), name, stage.inputs_hash);
  return stage;
}

std::optional<ModelChoice> trained_model(Workspace& workspace, const std::string& name) {
  const Context& context = workspace.context();
  const bool is_shared = !context.deck.run.store.empty();
  const fs::path folder =
      is_shared ? make_stage(workspace, name, start_model(workspace, name)).run_folder : context.run_folder();
  return workspace.newest_model(folder / "checkpoints" / name);
}

std::optional<std::int64_t> completed_step(const train::Stage& stage, parallel::Communicator& world) {
  const auto newest = checkpoint::find_newest(stage.run_folder / "checkpoints" / stage.name, world);
  if (!newest) return std::nullopt;
  const checkpoint::Progress progress = checkpoint::read_manifest(*newest).progress;
  if (!progress.complete || progress.inputs_hash != stage.inputs_hash) return std::nullopt;
  return progress.step;
}

void gather_metrics(const Context& context, const std::vector<train::Stage>& stages) {
  if (context.deck.run.store.empty()) return;
  run_on_first_rank(context, "gathering metrics", [&] {
    std::string lines;
    for (const train::Stage& stage : stages) {
      const fs::path file = stage.run_folder / "metrics.jsonl";
      if (fs::exists(file)) lines += read_file(file);
    }
    create_folders(context.run_folder());
    write_file(context.run_folder() / "metrics.jsonl", lines);
  });
}

void train_stage(Workspace& workspace, train::Stage stage, const ModelChoice& start,
                 const train::ReferenceLogps& reference) {
  const Context& context = workspace.context();
  if (stage.lora.exists()) stage.base = base_of(start, stage.lora);
  if (start.source) stage.companions = checkpoint::read_companions(*start.source);
  log::info("{}: starts from {}, {:.3g} M parameters, {}{}", stage.name, start.title,
            static_cast<double>(start.config.num_parameters()) / 1e6, precision_name(context.deck),
            adapters_text(stage.lora));
  const train::SampleSet set = train::stage_samples(stage.name, stage.objective, workspace.rows());
  const train::Outcome outcome = with_storage_type(context.deck, [&]<class T>() {
    const auto memory = take_memory(stage.name, train::stage_memory<T>(stage, set.samples, start.config, context.grid));
    const auto store = train::training_store<T>(start.config, stage.parallel, stage.lora, context.grid);
    load_weights<T>(start, *store);
    if (store->adapters() && !goes_on(start, stage.lora))
      model::initialize_adapters(context.deck.run.seed, *store->adapters());
    return train::train<T>(
        stage, set, reference, start.config, *store, workspace.tokenizer(), context.grid,
        [&context] { return context.stop_requested(); }, context.heartbeat());
  });
  if (!outcome.finished) {
    throw_error(ExitCode::kStopped, "{} stopped after step {} with a complete checkpoint: start the same command again",
                stage.name, outcome.steps);
  }
  log::info("{}: done, {} steps", stage.name, outcome.steps);
}

}  // namespace recpo::app
