#pragma once
// The table of `recpo plan` and the sentences below it.

#include <string>

#include "src/model/config.hpp"
#include "src/plan/search.hpp"

namespace recpo::commands {

// The fastest layouts, the deck's own marked, and why the first is first; or what would help where nothing fits.
// `samples`: what a tree is called: rows | sets.
std::string layouts_text(const model::LlamaConfig& config, const plan::Workload& workload, const plan::Layout& wanted,
                         const plan::Node& node, const std::string& samples);

}  // namespace recpo::commands
