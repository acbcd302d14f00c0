#include "src/baselines/checkpoint.hpp"
#include "src/baselines/sequence_model.hpp"
#include "src/baselines/train.hpp"
#include "src/commands/commands.hpp"
#include "src/commands/store.hpp"
#include "src/data/dataset.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::commands {
namespace {

// Throws kUsage for ready rows, whose items have no identifiers.
void check_baseline(const deck::Deck& deck) {
  if (!data::find_dataset(deck.data.dataset).has_ready_rows()) return;
  throw_usage("{} = {}: the items of ready rows have no identifiers, which baselines learn; name a rating log",
              where(deck, "data.dataset"), deck.data.dataset);
}

// What identifies a baseline: rows, seed, settings.
std::string baseline_identity(Workspace& workspace) {
  const deck::Deck& deck = workspace.context().deck;
  return sha256_hex(
      fmt::format("baseline\nrows {}\n{}", workspace.rows().hash, settings_text(deck, changes::kBaseline)));
}

baselines::TrainingJob make_baseline_job(Workspace& workspace) {
  const deck::Deck& deck = workspace.context().deck;
  baselines::TrainingJob job;
  job.baseline = &baselines::find_baseline(deck.baseline.model);
  job.options = deck.baseline;
  job.checkpoint = deck.checkpoint;
  job.reduction_leaves = deck.parallel.reduction_leaves;
  job.max_bad_steps = deck.run.max_bad_steps;
  job.seed = deck.run.seed;
  job.inputs_hash = baseline_identity(workspace);
  job.folder =
      baselines::baseline_folder(output_folder(workspace.context(), "baseline", job.inputs_hash), deck.baseline.model);
  return job;
}

std::vector<evaluation::Prediction> predictions_of(Workspace& workspace, evaluation::Recommender& recommender) {
  const deck::Deck& deck = workspace.context().deck;
  return evaluation::predict(recommender, workspace.rows(), deck.evaluate, "evaluate " + deck.baseline.model,
                             *workspace.context().grid.dp);
}

std::string settings_of(const deck::Deck& deck) {
  return settings_json(deck, {"data", "synthetic", "baseline", "evaluate"});
}

void run_untrained(Workspace& workspace, const baselines::Baseline& baseline) {
  const deck::Deck& deck = workspace.context().deck;
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
  const baselines::Trained trained =
      baselines::train(job, workspace.rows(), vocabulary, context.grid,
                       [&context](double needed) { return context.stop_requested(needed); });
  if (!trained.finished)
    throw_error(ExitCode::kStopped,
                "baseline {} stopped after step {} with a complete checkpoint: start the same command again",
                baseline.name, trained.steps);
  evaluate_system(workspace, {baseline.name, job.folder.string(), job.inputs_hash, settings_of(context.deck)}, [&] {
    const auto recommender = baselines::make_recommender(vocabulary, *trained.model);
    return predictions_of(workspace, *recommender);
  });
}

}  // namespace

BaselinePlan plan_baseline(Workspace& workspace) {
  const Context& context = workspace.context();
  const deck::Deck& deck = context.deck;
  const bool is_stage = context.line.is(CommandName::kRun) && deck.run.has_stage(name_of(CommandName::kBaseline));
  if (!is_stage && !context.line.is(CommandName::kBaseline)) return {};
  check_baseline(deck);
  const baselines::Baseline& baseline = baselines::find_baseline(deck.baseline.model);
  BaselinePlan plan;
  if (baseline.encoder == nullptr) {
    plan.text = fmt::format("{:<12}{}, without training\n", "baseline", baseline.name);
    return plan;
  }
  const baselines::ItemVocabulary vocabulary(workspace.rows());
  const auto training = static_cast<std::int64_t>(workspace.rows().of_split(data::Split::kTrain).size());
  std::int64_t weights = 0;
  for (const auto& spec : model_parameters(baseline.encoder(), model_shape(deck.baseline, vocabulary)))
    weights += spec.size();
  plan.text = fmt::format("{:<12}{}, {:.4g} M weights, {} items; at most {} epochs of {} steps of {} rows\n",
                          "baseline", baseline.name, static_cast<double>(weights) / 1e6, vocabulary.size(),
                          deck.baseline.epochs, steps_of_epoch(deck.baseline, training), deck.baseline.batch);
  constexpr std::int64_t kArrays = 4;  // weights, both moments, the best weights
  plan.checkpoint_bytes = (deck.checkpoint.keep + 1) * kArrays * weights * static_cast<std::int64_t>(sizeof(float));
  return plan;
}

void baseline(Workspace& workspace) {
  const deck::Deck& deck = workspace.context().deck;
  check_baseline(deck);
  const baselines::Baseline& baseline = baselines::find_baseline(deck.baseline.model);
  if (baseline.encoder == nullptr) {
    run_untrained(workspace, baseline);
  } else {
    run_trained(workspace, baseline);
  }
}

}  // namespace recpo::commands
