#include "src/app/commands/commands.hpp"
#include "src/app/training.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

void sft(Workspace& workspace) {
  const ModelChoice start = start_model(workspace, "sft");
  const train::Stage stage = make_stage(workspace, "sft", computed_identity(start, workspace.context().deck));
  if (const auto step = completed_step(stage, *workspace.context().grid.world)) {
    log::info("sft: done (step {}), skipped", *step);
    return;
  }
  train_stage(workspace, stage, start, {});
}

}  // namespace recpo::app
