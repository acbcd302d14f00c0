#pragma once
// One training stage of a run: what identifies it, whether it is done, and the call of the trainer.

#include <optional>
#include <string>

#include "src/app/workspace.hpp"
#include "src/train/train.hpp"

namespace recpo::app {

// sft | align from this start model; its folder is the run's, or the store's for the same inputs. Collective.
train::Stage make_stage(Workspace& workspace, const std::string& name, const ModelChoice& start);

// The newest whole checkpoint of sft | align of this run, wherever it lies. Collective.
std::optional<ModelChoice> trained_model(Workspace& workspace, const std::string& name);

// The last step when the newest whole checkpoint says that this very stage has ended.
std::optional<std::int64_t> completed_step(const train::Stage& stage, parallel::Communicator& world);  // collective

// metrics.jsonl of the run folder from those of its stages, where these lie in a store. Collective.
void gather_metrics(const Context& context, const std::vector<train::Stage>& stages);

// Trains to the end; throws kStopped when asked to stop before.
void train_stage(Workspace& workspace, train::Stage stage, const ModelChoice& start,
                 const train::ReferenceLogps& reference);

}  // namespace recpo::app
