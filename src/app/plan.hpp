#pragma once
// What a deck asks of a node, in text: the plan of --dry-run, and the table of `recpo plan`.

#include <string>

#include "src/app/workspace.hpp"
#include "src/plan/search.hpp"

namespace recpo::app {

// The deck's layout on so many ranks, as far as tp divides them (tp x dp <= ranks).
plan::Layout deck_layout(const Deck& deck, const std::string& stage, const std::string& precision, int ranks);

// The trees that a step of a stage (sft | align) computes: of the rows, or (rows = nullptr) of [plan]'s lengths. Throws
// kBadInput where the rows have none for the stage.
plan::Workload stage_workload(const Deck& deck, const std::string& stage, const model::LlamaConfig& config,
                              const data::RowFile* rows);

// Memory by kind and comm_bytes by axis, a line each.
std::string layout_text(const plan::Plan& plan);
std::string time_text(const plan::Plan& plan, const plan::Workload& workload, const plan::Node& node);

// --dry-run: outputs, ranks, model, rows, and each training stage on the ranks that run. Collective over the world.
std::string plan_text(Workspace& workspace);

// The fastest layouts, the deck's own marked, and why the first is first; or what would help where nothing fits.
// `samples` is the word for a tree: rows | sets.
std::string layouts_text(const model::LlamaConfig& config, const plan::Workload& workload, const plan::Layout& wanted,
                         const plan::Node& node, const std::string& samples);

}  // namespace recpo::app
