#pragma once
// The commands of the program, one file each. All are collective over the world; only rank 0 writes files of the run
// folder and standard output.

#include <functional>
#include <string>
#include <vector>

#include "src/commands/workspace.hpp"
#include "src/deck/sweep.hpp"
#include "src/evaluation/prediction.hpp"

namespace recpo::commands {

void init(Workspace& workspace);  // writes a deck for a folder of data
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

// Of one rank. Writes a report of run folders, anew while they are written to where --watch asks for it, and logs where
// it is; gives the table of results. `folders` is asked again for each report; a run goes on while a program has a run
// folder in one of `roots`, or one of them.
struct ReportTarget {
  std::vector<std::filesystem::path> roots;
  std::function<std::vector<std::filesystem::path>()> folders;
  std::filesystem::path output;
  std::string title, dataset;
};
std::string write_report(const Context& context, const ReportTarget& target);
void log_outputs(const Context& context);  // the paths of what is in the run folder
void write_note(const deck::Deck& deck);   // report.note, for reports of the run folder, which is there
void report_sweep(Workspace& workspace);   // of the cells that have results
std::string sweep_list(const std::vector<deck::Cell>& cells);  // sweep --list; by one rank

// Runs stages in order, skipping finished ones; checks for a stop request in between.
// `place` begins what progress bars say of the stage: "cell 2 of 9, ".
void run_stages(Workspace& workspace, const std::vector<std::string>& stages, const std::string& place = "");

// --dry-run: reads and checks everything the deck names, prints the plan of its stages, writes nothing.
void dry_run(Workspace& workspace);
void sweep_dry_run(Workspace& workspace);  // the list of cells, and the plan of the first one of every group

// Log-probs of the alignment rows under the model that [align] reference names, from reference.h5 when it is for the
// same model and rows.
train::ReferenceLogps reference_logps(Workspace& workspace);
ModelChoice reference_model(Workspace& workspace);

// The model that a stage of this run has trained so far, in the run folder or store. Collective.
std::optional<ModelChoice> trained_model(Workspace& workspace, StageKind stage);

// Rows that training is validated on; none where the deck wants no validation. Throws kUsage where it does and there
// are none.
train::ValidationRows validation_rows(const deck::Deck& deck, const data::RowFile& rows);

// What an unfinished or finished training stage starts from: sft from the base model, align from that of sft.
ModelChoice start_model(Workspace& workspace, StageKind stage);

// The deck's settings of a stage on these rows, sft.longer written as steps.
train::StageOptions stage_options(const deck::Deck& deck, const data::RowFile& rows, StageKind kind);

// Writes a system's metrics to evaluation.json and its answers to predictions.jsonl, under its name, in place of
// those that may be there; nothing when they are there for the same rows, settings and identity.
struct System {
  std::string name;      // base, sft, recpo, sasrec, ...
  std::string title;     // for messages
  std::string identity;  // of what answers
  std::string settings;  // settings_json of the deck that it was made with
};
using Predict = std::function<std::vector<evaluation::Prediction>()>;
void evaluate_system(Workspace& workspace, const System& system, const Predict& predict);

// The baseline's line of --dry-run; nothing where neither the command nor a stage of the run is `baseline`. Collective
// over the world.
struct BaselinePlan {
  std::string text;
  std::int64_t checkpoint_bytes = 0;  // that the run folder holds at most
};
BaselinePlan plan_baseline(Workspace& workspace);

using Command = void (*)(Workspace&);
Command find_command(CommandName name);

}  // namespace recpo::commands
