#pragma once
// The commands of the program, one file each. All are collective over the world; only rank 0 writes files of the run
// folder and standard output.

#include <functional>
#include <string>
#include <vector>

#include "src/app/workspace.hpp"

namespace recpo::app {

void run(Workspace& workspace);
void prepare(Workspace& workspace);
void import_model(Workspace& workspace);
void export_model(Workspace& workspace);
void reference(Workspace& workspace);
void sft(Workspace& workspace);
void align(Workspace& workspace);
void score(Workspace& workspace);
void generate(Workspace& workspace);
void evaluate(Workspace& workspace);  // the furthest model there is: align, sft, base
void baseline(Workspace& workspace);  // trains baseline.model and evaluates it
void report(Workspace& workspace);
void inspect(Workspace& workspace);
void plan_layouts(Workspace& workspace);  // writes nothing but its table
void sweep(Workspace& workspace);         // every cell of a sweep, or one of them

// Stages of `run`.
void evaluate_base(Workspace& workspace);
void evaluate_sft(Workspace& workspace);

void report_sweep(Workspace& workspace);  // of the cells that have figures

// Stages in order, each skipping what is done; a request to stop is heard between them.
void run_stages(Workspace& workspace, const std::vector<std::string>& stages);

// --dry-run: reads and checks everything the deck names, prints the plan of its stages, writes nothing.
void dry_run(Workspace& workspace);
void sweep_dry_run(Workspace& workspace);  // the list of cells, and the plan of the first one of every group

// Log-probs of the alignment rows under the model that [align] reference names, from reference.h5 when it is for the
// same model and rows.
train::ReferenceLogps reference_logps(Workspace& workspace);
ModelChoice reference_model(Workspace& workspace);

// What an unfinished or finished training stage starts from: sft from the base model, align from the newest sft.
ModelChoice start_model(Workspace& workspace, const std::string& stage);

// Puts a system's figures into evaluation.json and its answers into predictions.jsonl, under its name, in place of
// those that may be there; nothing when they are there for the same rows, settings and identity.
struct System {
  std::string name;      // base, sft, recpo, sasrec, ...
  std::string title;     // for messages
  std::string identity;  // of what answers
  std::string settings;  // settings_json of the deck that it was made with
};
using Predict = std::function<std::vector<evaluation::Prediction>()>;
void evaluate_system(Workspace& workspace, const System& system, const Predict& predict);

using Command = void (*)(Workspace&);
Command find_command(const std::string& name);  // kUsage for what this version cannot do

}  // namespace recpo::app
