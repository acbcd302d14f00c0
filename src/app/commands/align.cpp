#include "src/app/commands/commands.hpp"
#include "src/app/training.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

ModelChoice start_model(Workspace& workspace, const std::string& stage) {
  if (stage == "align") {
    if (auto trained = workspace.trained_model("sft")) return *trained;
    log::info("align: no checkpoints/sft, so it starts from {}", workspace.base_model().title);
  }
  return workspace.base_model();
}

void align(Workspace& workspace) {
  const ModelChoice start = start_model(workspace, "align");
  const Deck& deck = workspace.context().deck;
  const bool needs_reference = objective::needs_reference(deck.objective);
  const std::string reference_hash = needs_reference ? computed_identity(reference_model(workspace), deck) : "none";
  const train::Stage stage = make_stage(workspace, "align", computed_identity(start, deck) + " " + reference_hash);
  if (const auto step = completed_step(stage, *workspace.context().grid.world)) {
    log::info("align: done (step {}), skipped", *step);
    return;
  }
  train::ReferenceLogps logps;
  if (needs_reference) logps = reference_logps(workspace);
  train_stage(workspace, stage, start, logps);
}

}  // namespace recpo::app
