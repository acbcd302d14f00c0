#pragma once
// What a deck asks of a baseline: the call of its trainer, and the plan of --dry-run.

#include <string>

#include "src/app/workspace.hpp"
#include "src/baselines/train.hpp"

namespace recpo::app {

// Throws kUsage for ready rows, whose items have no identifiers.
void check_baseline(const Deck& deck);

// What identifies a baseline: rows, seed, settings.
std::string baseline_identity(Workspace& workspace);
baselines::TrainingJob make_baseline_job(Workspace& workspace);

// The command is `baseline`, or the run has that stage.
bool asks_for_baseline(const Context& context);
struct BaselinePlan {
  std::string text;
  std::int64_t checkpoint_bytes = 0;  // that the run folder holds at most
};
BaselinePlan plan_baseline(Workspace& workspace);  // collective over the world

}  // namespace recpo::app
