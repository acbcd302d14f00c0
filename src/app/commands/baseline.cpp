#include "src/app/baseline_job.hpp"
#include "src/app/commands/commands.hpp"
#include "src/app/store.hpp"
#include "src/baselines/sequence_recommender.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {

std::vector<evaluation::Prediction> predictions_of(Workspace& workspace, evaluation::Recommender& recommender) {
  const Deck& deck = workspace.context().deck;
  return evaluation::predict(recommender, workspace.rows(), deck.evaluate, "evaluate " + deck.baseline.model,
                             *workspace.context().grid.dp);
}

std::string settings_of(const Deck& deck) { return settings_json(deck, {"data", "synthetic", "baseline", "evaluate"}); }

void run_untrained(Workspace& workspace, const baselines::Baseline& baseline) {
  const Deck& deck = workspace.context().deck;
  evaluate_system(workspace, {baseline.name, "without training", baseline_identity(workspace), settings_of(deck)}, [&] {
    const auto recommender = baseline.make_recommender({workspace.rows(), deck.data, deck.run.seed});
    return predictions_of(workspace, *recommender);
  });
}

void run_trained(Workspace& workspace, const baselines::Baseline& baseline) {
  const Context& context = workspace.context();
  const baselines::TrainingJob job = make_baseline_job(workspace);
  const StoreLock lock(context, job.folder);
  const baselines::ItemVocabulary vocabulary(workspace.rows());
  const baselines::Trained trained = baselines::train(job, workspace.rows(), vocabulary, context.grid,
                                                      [&context] { return context.stop_requested(); });
  if (!trained.finished) {
    throw_error(ExitCode::kStopped,
                "baseline {} stopped after step {} with a complete checkpoint: start the same command again",
                baseline.name, trained.steps);
  }
  evaluate_system(workspace, {baseline.name, job.folder.string(), job.inputs_hash, settings_of(context.deck)}, [&] {
    const auto recommender = baselines::make_recommender(vocabulary, *trained.model);
    return predictions_of(workspace, *recommender);
  });
}

}  // namespace

void baseline(Workspace& workspace) {
  const Deck& deck = workspace.context().deck;
  check_baseline(deck);
  const baselines::Baseline& baseline = baselines::find_baseline(deck.baseline.model);
  if (baseline.encoder == nullptr) {
    run_untrained(workspace, baseline);
  } else {
    run_trained(workspace, baseline);
  }
}

}  // namespace recpo::app
