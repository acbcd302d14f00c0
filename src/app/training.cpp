#include "src/app/training.hpp"

#include "src/app/precision.hpp"
#include "src/checkpoint/checkpoint.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

train::Stage make_stage(Workspace& workspace, const std::string& name, const std::string& model_hashes) {
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
  stage.run_folder = workspace.context().run_folder();
  stage.rows_hash = workspace.rows().hash;
  stage.deck_text = print_deck(deck);
  stage.inputs_hash = sha256_hex(fmt::format("{}\nrows {}\nmodels {}\nseed {}\n{}", name, stage.rows_hash, model_hashes,
                                             deck.run.seed, settings_text(deck, {"optimizer", name})));
  return stage;
}

std::optional<std::int64_t> completed_step(const train::Stage& stage, parallel::Communicator& world) {
  const auto newest = checkpoint::find_newest(stage.run_folder / "checkpoints" / stage.name, world);
  if (!newest) return std::nullopt;
  const checkpoint::Progress progress = checkpoint::read_manifest(*newest).progress;
  if (!progress.complete || progress.inputs_hash != stage.inputs_hash) return std::nullopt;
  return progress.step;
}

void train_stage(Workspace& workspace, const train::Stage& stage, const ModelChoice& start,
                 const train::ReferenceLogps& reference) {
  const Context& context = workspace.context();
  log::info("{}: starts from {}, {:.3g} M parameters, {}", stage.name, start.title,
            static_cast<double>(start.config.num_parameters()) / 1e6, precision_name(context.deck));
  const train::Outcome outcome = with_storage_type(context.deck, [&]<class T>() {
    const auto store = train::training_store<T>(start.config, stage.parallel, context.grid);
    load_weights<T>(start, *store);
    return train::train<T>(
        stage, workspace.rows(), reference, start.config, *store, workspace.tokenizer(), context.grid,
        [&context] { return context.stop_requested(); }, context.heartbeat());
  });
  if (!outcome.finished) {
    throw_error(ExitCode::kStopped, "{} stopped after step {} with a complete checkpoint: start the same command again",
                stage.name, outcome.steps);
  }
  log::info("{}: done, {} steps", stage.name, outcome.steps);
}

}  // namespace recpo::app
