#include "src/app/commands/commands.hpp"
#include "src/app/store.hpp"
#include "src/app/training.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {

// Trains where the stage was not done before.
void train_once(Workspace& workspace, const train::Stage& stage, const ModelChoice& start) {
  const Context& context = workspace.context();
  const StoreLock lock(context, stage.run_folder);
  if (const auto step = completed_step(stage, *context.grid.world)) {
    log::info("{}: done (step {}), skipped", stage.name, *step);
    return;
  }
  run_on_first_rank(context, "making a folder", [&] { create_folders(stage.run_folder); });
  const bool has_reference = stage.name == "align" && objective::needs_reference(stage.objective);
  train_stage(workspace, stage, start, has_reference ? reference_logps(workspace) : train::ReferenceLogps{});
}

}  // namespace

ModelChoice start_model(Workspace& workspace, const std::string& stage) {
  if (stage == "align") {
    if (auto trained = trained_model(workspace, "sft")) return *trained;
    log::info("align: no checkpoints/sft, so it starts from {}", workspace.base_model().title);
  }
  return workspace.base_model();
}

void sft(Workspace& workspace) {
  const ModelChoice start = start_model(workspace, "sft");
  const train::Stage stage = make_stage(workspace, "sft", start);
  train_once(workspace, stage, start);
  gather_metrics(workspace.context(), {stage});
}

void align(Workspace& workspace) {
  const ModelChoice start = start_model(workspace, "align");
  const train::Stage stage = make_stage(workspace, "align", start);
  train_once(workspace, stage, start);
  gather_metrics(workspace.context(), {make_stage(workspace, "sft", workspace.base_model()), stage});
}

}  // namespace recpo::app
