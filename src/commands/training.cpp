#include <fmt/ranges.h>

#include "src/checkpoint/checkpoint.hpp"
#include "src/commands/commands.hpp"
#include "src/commands/store.hpp"
#include "src/parallel/collective_try.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"
#include "src/support/memory_pool.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;

// Whether training continues the start model's adapters; otherwise they are merged and new ones are added.
bool continues_adapters(const ModelChoice& start, const model::LoraOptions& lora) {
  return start.source && start.source->adapters.options.exists() &&
         checkpoint::same_adapters(start.source->adapters.options, lora);
}

checkpoint::AdapterBase base_of(const ModelChoice& start, const model::LoraOptions& lora) {
  if (continues_adapters(start, lora)) return start.source->adapters.base;
  if (!start.source) return {"", start.hash, start.seed};
  return {std::filesystem::absolute(start.source->path).lexically_normal().string(), start.hash, 0};
}

// The start model's, and the reference model's where the objective has one.
std::string model_hashes(Workspace& workspace, StageKind kind, const ModelChoice& start) {
  const deck::Deck& deck = workspace.context().deck;
  const std::string own = computed_identity(start, deck);
  if (kind == StageKind::kSft) return own;
  const bool has_reference = objective::needs_reference(deck.objective);
  return own + " " + (has_reference ? computed_identity(reference_model(workspace), deck) : "none");
}

std::string adapters_text(const model::LoraOptions& lora) {
  return lora.exists() ? fmt::format(", adapters of rank {} on {}", lora.rank, fmt::join(lora.targets, ", ")) : "";
}

// All that a rank will hold, before weights are read.
std::unique_ptr<MemoryPool> take_memory(const std::string& stage, const train::RankMemory& planned) {
  try {
    return std::make_unique<MemoryPool>(planned.total());
  } catch (const std::bad_alloc&) {
    throw_usage(
        "{}: a rank needs {} ({} weights, {} gradients and their sums, {} optimizer, {} activations), more than can be "
        "had: recpo plan shows layouts that fit; or lower {}.micro_batch_tokens",
        stage, format_bytes(planned.total()), format_bytes(planned.weights),
        format_bytes(planned.gradients + planned.gradient_leaves), format_bytes(planned.master + planned.moments),
        format_bytes(planned.activations), stage);
  }
}

// The samples that a stage sees, each as often as it is seen.
std::int64_t samples_seen(const deck::Deck& deck, const data::RowFile& rows, StageKind kind) {
  const auto samples = static_cast<std::int64_t>(train::stage_samples(kind, deck.objective, rows).samples.size());
  return train::total_steps(deck.stage(kind), samples) * deck.stage(kind).global_batch;
}

// A stage from this start model; its folder is the run's, or the store's for the same inputs. Collective.
train::Stage make_stage(Workspace& workspace, StageKind kind, const ModelChoice& start) {
  const deck::Deck& deck = workspace.context().deck;
  train::Stage stage;
  stage.kind = kind;
  stage.options = stage_options(deck, workspace.rows(), kind);
  stage.optimizer = deck.optimizer;
  if (stage.options.lr > 0) stage.optimizer.lr = stage.options.lr;
  stage.objective = deck.objective;
  stage.checkpoint = deck.checkpoint;
  stage.log = deck.log;
  stage.validation = deck.validate;
  stage.validation_rows = validation_rows(deck, workspace.rows());
  stage.seed = deck.run.seed;
  stage.max_bad_steps = deck.run.max_bad_steps;
  stage.parallel = deck.parallel;
  stage.recompute = deck.model.recompute;
  stage.lora = deck.model.lora;
  stage.rows_hash = workspace.rows().hash;
  stage.deck_text = print_deck(deck);
  const unsigned settings = kind == StageKind::kSft ? changes::kSft : changes::kAlign;
  const bool longer = kind == StageKind::kSft && deck.sft_longer;  // by settings of [align], which are not SFT's
  stage.inputs_hash = sha256_hex(fmt::format("{}\nrows {}\nmodels {}\n{}{}", stage.name(), stage.rows_hash,
                                             model_hashes(workspace, kind, start), settings_text(deck, settings),
                                             longer ? fmt::format("\nsteps {}", stage.options.steps) : ""));
  stage.run_folder = output_folder(workspace.context(), stage.name(), stage.inputs_hash);
  return stage;
}

// The last step if the newest complete checkpoint marks this stage as finished. Collective.
std::optional<std::int64_t> completed_step(const train::Stage& stage, parallel::Communicator& world) {
  const auto newest = checkpoint::find_newest(stage.run_folder / "checkpoints" / stage.name(), world);
  if (!newest) return std::nullopt;
  const checkpoint::Progress progress = checkpoint::read_manifest(*newest).progress;
  if (!progress.complete || progress.inputs_hash != stage.inputs_hash) return std::nullopt;
  checkpoint::finish_pruning(*newest, static_cast<int>(stage.checkpoint.keep), world);
  return progress.step;
}

// metrics.jsonl and TensorBoard events of the run folder from those of its stages, where these are in a store.
// Collective.
void gather_metrics(const Context& context, const std::vector<train::Stage>& stages) {
  if (context.deck.run.store.empty()) return;
  run_on_first_rank(context, "gathering metrics", [&] {
    std::string lines;
    for (const train::Stage& stage : stages) {
      const fs::path events = fs::path("tensorboard") / stage.name();
      if (is_there(stage.run_folder / events)) {
        create_folders(context.run_folder() / events);
        for (const fs::path& file : list_folder(stage.run_folder / events))
          write_file(context.run_folder() / events / file.filename(), read_file(file));
      }
      const fs::path file = stage.run_folder / "metrics.jsonl";
      if (is_there(file)) lines += read_file(file);
    }
    create_folders(context.run_folder());
    write_file(context.run_folder() / "metrics.jsonl", lines);
  });
}

// Trains to the end; throws kStopped when asked to stop before.
void train_stage(Workspace& workspace, train::Stage stage, const ModelChoice& start,
                 const train::ReferenceLogps& reference) {
  const Context& context = workspace.context();
  if (stage.lora.exists()) stage.base = base_of(start, stage.lora);
  if (start.source) stage.auxiliary = checkpoint::read_auxiliary_files(*start.source);
  log::info("{}: starts from {}, {:.3g} M parameters, {}{}", stage.name(), start.title,
            static_cast<double>(start.config.num_parameters()) / 1e6, name_of(precision_of(context.deck)),
            adapters_text(stage.lora));
  const train::SampleSet set = train::stage_samples(stage.kind, stage.objective, workspace.rows());
  const train::Outcome outcome = with_storage_type(context.deck, [&]<class T>() {
    const auto memory =
        take_memory(stage.name(), train::stage_memory<T>(stage, set.samples, start.config, context.grid));
    const auto store = train::training_store<T>(start.config, stage.parallel, stage.lora, context.grid);
    parallel::collective_try(*context.grid.world, [&] { load_weights<T>(start, *store); });
    if (store->adapters() && !continues_adapters(start, stage.lora))
      model::initialize_adapters(context.deck.run.seed, *store->adapters());
    return train::train<T>(
        stage, set, reference, start.config, *store, workspace.tokenizer(), context.grid,
        [&context](double needed) { return context.stop_requested(needed); }, context.heartbeat());
  });
  if (!outcome.finished)
    throw_error(ExitCode::kStopped, "{} stopped after step {} with a complete checkpoint: start the same command again",
                stage.name(), outcome.steps);
  log::info("{}: done, {} steps", stage.name(), outcome.steps);
}

// Trains where the stage was not done before.
void train_once(Workspace& workspace, const train::Stage& stage, const ModelChoice& start) {
  const Context& context = workspace.context();
  const StoreLock lock(context, stage.run_folder);
  if (const auto step = completed_step(stage, *context.grid.world)) {
    log::info("{}: done (step {}), skipped", stage.name(), *step);
    return;
  }
  run_on_first_rank(context, "making a folder", [&] { create_folders(stage.run_folder); });
  const bool has_reference = stage.kind == StageKind::kAlign && objective::needs_reference(stage.objective);
  train_stage(workspace, stage, start, has_reference ? reference_logps(workspace) : train::ReferenceLogps{});
}

}  // namespace

train::StageOptions stage_options(const deck::Deck& deck, const data::RowFile& rows, StageKind kind) {
  train::StageOptions options = deck.stage(kind);
  if (kind == StageKind::kSft && deck.sft_longer) {
    const std::int64_t seen = samples_seen(deck, rows, StageKind::kSft) + samples_seen(deck, rows, StageKind::kAlign);
    options.steps = (seen + options.global_batch - 1) / options.global_batch;
  }
  return options;
}

train::ValidationRows validation_rows(const deck::Deck& deck, const data::RowFile& rows) {
  if (!deck.validate.exists()) return {};
  train::ValidationRows drawn = train::validation_rows(rows, deck.validate.rows, deck.run.seed);
  if (drawn.empty())
    throw_usage("{} = {}, but there are no validation rows; leave it out, or (data.dataset = rows) set data.valid",
                where(deck, "validate.every_steps"), deck.validate.every_steps);
  return drawn;
}

std::optional<ModelChoice> trained_model(Workspace& workspace, StageKind stage) {
  const Context& context = workspace.context();
  const bool is_shared = !context.deck.run.store.empty();
  const fs::path folder =
      is_shared ? make_stage(workspace, stage, start_model(workspace, stage)).run_folder : context.run_folder();
  return workspace.trained_model(folder / "checkpoints" / name_of(stage));
}

ModelChoice start_model(Workspace& workspace, StageKind stage) {
  if (stage == StageKind::kAlign) {
    if (auto trained = trained_model(workspace, StageKind::kSft)) return *trained;
    log::info("align: no checkpoints/sft, so it starts from {}", workspace.base_model().title);
  }
  return workspace.base_model();
}

void sft(Workspace& workspace) {
  const ModelChoice start = start_model(workspace, StageKind::kSft);
  const train::Stage stage = make_stage(workspace, StageKind::kSft, start);
  train_once(workspace, stage, start);
  gather_metrics(workspace.context(), {stage});
}

void align(Workspace& workspace) {
  const ModelChoice start = start_model(workspace, StageKind::kAlign);
  const train::Stage stage = make_stage(workspace, StageKind::kAlign, start);
  train_once(workspace, stage, start);
  gather_metrics(workspace.context(), {make_stage(workspace, StageKind::kSft, workspace.base_model()), stage});
}

ModelChoice reference_model(Workspace& workspace) {
  const std::string& reference = workspace.context().deck.reference;
  if (const auto named = find_value<deck::Reference>(reference))
    return named == deck::Reference::kSft ? start_model(workspace, StageKind::kAlign) : workspace.base_model();
  ModelChoice choice = workspace.model_at(reference);
  if (checkpoint::read_tokenizer(*choice.source).hash() != workspace.tokenizer().hash())
    throw_usage("{}: {} has another tokenizer than the rows", where(workspace.context().deck, "align.reference"),
                choice.title);
  return choice;
}

namespace {
// Inputs of the log-probs other than the rows.
std::string reference_identity(const Context& context, const ModelChoice& choice) {
  return fmt::format("{}, {} negatives", computed_identity(choice, context.deck), context.deck.data.negatives);
}

std::filesystem::path reference_folder(const Context& context, const std::string& identity, const data::RowFile& rows) {
  return output_folder(context, "reference", identity + "\nrows " + rows.hash);
}
}  // namespace

train::ReferenceLogps reference_logps(Workspace& workspace) {
  const Context& context = workspace.context();
  const data::RowFile& rows = workspace.rows();
  const ModelChoice choice = reference_model(workspace);
  const std::string identity = reference_identity(context, choice);
  const auto folder = reference_folder(context, identity, rows), path = folder / "reference.h5";
  const StoreLock lock(context, folder);
  train::ReferenceLogps logps;
  parallel::collective_try(*context.grid.world, [&] { logps = train::read_reference(path, identity, rows.hash); });
  if (!logps.empty()) {
    log::info("reference: done, {} is for the same model and rows", path.string());
    return logps;
  }
  log::info("reference: log-probs of the alignment rows under {}", choice.title);
  {
    const Interruptible interruptible(context);
    logps = with_storage_type(context.deck, [&]<class T>() {
      const auto store = load_shard<T>(choice, context.grid);
      return train::compute_reference<T>(rows, choice.config, *store, context.deck.align.micro_batch_tokens,
                                         context.grid, context.heartbeat());
    });
  }
  run_on_first_rank(context, "writing reference.h5", [&] {
    create_folders(folder);
    train::write_reference(path, logps, identity, rows.hash);
  });
  log::info("reference: {} sets in {}", logps.size(), path.string());
  return logps;
}

void reference(Workspace& workspace) { reference_logps(workspace); }

}  // namespace recpo::commands
