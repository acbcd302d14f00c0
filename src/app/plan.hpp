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

// That of --node, or this machine. Throws kUsage where the deck asks for another precision than the node's.
plan::Node node_of(const Context& context);

// --dry-run: outputs, ranks, model, rows, and each training stage on the ranks that run.
struct DryRun {
  std::string text;
  std::string too_large;              // what does not fit into a rank's memory, and where; empty: everything fits
  std::int64_t checkpoint_bytes = 0;  // that the run folder holds at most
};
DryRun plan_dry_run(Workspace& workspace);  // collective over the world

// The fastest layouts, the deck's own marked, and why the first is first; or what would help where nothing fits.
// `samples` is the word for a tree: rows | sets.
std::string layouts_text(const model::LlamaConfig& config, const plan::Workload& workload, const plan::Layout& wanted,
                         const plan::Node& node, const std::string& samples);

}  // namespace recpo::app
