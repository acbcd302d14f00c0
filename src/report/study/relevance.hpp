#pragma once
// Which settings make a system another one, so that a report neither pools what differs nor splits what is the same.

#include <string>

#include "src/report/settings.hpp"
#include "src/report/systems.hpp"

namespace recpo::report {

// The settings that can change a system's figures, seed aside: those of the sections it uses (a baseline has no
// prompt), of the keys its objective reads (s-dpo has no lambda), without places of files and sizes of batches in
// memory. A path counts by its last name only, and a checkpoint of ours by its stage, as copies lie anywhere.
Settings relevant_settings(const System& system, const Settings& settings);

}  // namespace recpo::report
