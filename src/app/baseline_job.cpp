#include "src/app/baseline_job.hpp"

#include <algorithm>

#include "src/app/store.hpp"
#include "src/baselines/checkpoint.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

void check_baseline(const Deck& deck) {
  if (deck.data.dataset != "rows") return;
  throw_usage("{} = rows: the items of ready rows have no identifiers, which baselines learn; name a rating log",
              where(deck, "data.dataset"));
}

std::string baseline_identity(Workspace& workspace) {
  const Deck& deck = workspace.context().deck;
  return sha256_hex(fmt::format("baseline\nrows {}\nseed {}\n{}", workspace.rows().hash, deck.run.seed,
                                settings_text(deck, {"baseline"})));
}

baselines::TrainingJob make_baseline_job(Workspace& workspace) {
  const Deck& deck = workspace.context().deck;
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

bool asks_for_baseline(const Context& context) {
  const std::vector<std::string>& stages = context.deck.run.stages;
  if (!context.line.command.empty() && context.line.command != "run") return context.line.command == "baseline";
  return std::find(stages.begin(), stages.end(), "baseline") != stages.end();
}

BaselinePlan plan_baseline(Workspace& workspace) {
  const Deck& deck = workspace.context().deck;
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
  for (const auto& spec : model_parameters(*baseline.encoder, model_shape(deck.baseline, vocabulary)))
    weights += spec.size();
  plan.text = fmt::format("{:<12}{}, {:.4g} M weights, {} items; at most {} epochs of {} steps of {} rows\n",
                          "baseline", baseline.name, static_cast<double>(weights) / 1e6, vocabulary.size(),
                          deck.baseline.epochs, steps_of_epoch(deck.baseline, training), deck.baseline.batch);
  constexpr std::int64_t kArrays = 4;  // weights, both moments, the best weights
  plan.checkpoint_bytes = (deck.checkpoint.keep + 1) * kArrays * weights * static_cast<std::int64_t>(sizeof(float));
  return plan;
}

}  // namespace recpo::app
