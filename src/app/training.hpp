#pragma once
// One training stage of a run: what identifies it, whether it is done, and the call of the trainer.

#include <optional>
#include <string>

#include "src/app/workspace.hpp"
#include "src/train/train.hpp"

namespace recpo::app {

// `model_hashes`: the start model's and, where there is one, the reference model's.
train::Stage make_stage(Workspace& workspace, const std::string& name, const std::string& model_hashes);

// The last step when the newest whole checkpoint says that this very stage has ended.
std::optional<std::int64_t> completed_step(const train::Stage& stage, parallel::Communicator& world);  // collective

// Trains to the end; throws kStopped when asked to stop before.
void train_stage(Workspace& workspace, train::Stage stage, const ModelChoice& start,
                 const train::ReferenceLogps& reference);

}  // namespace recpo::app
