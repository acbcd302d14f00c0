#pragma once
// Tables beside the paper's and figures, from a run folder's evaluation.json, predictions.jsonl and metrics.jsonl.

#include <filesystem>
#include <string>

namespace recpo::report {

// The table a person reads at the end of a run: one row a model (base, sft, dpo, ..., in that order), columns HR@1 with
// its 95 % interval, ValidRatio, HR@1 over valid rows, rows, further figures where there are any, and the paper's for
// `dataset` where it has them; then what chance gives, and sentences that compare. Markdown, aligned for a terminal.
// Throws kBadInput, naming the key, when the JSON is not ours.
std::string markdown_table(const std::string& evaluation_json, const std::string& dataset);

// Writes report/table.md, report/table.csv, report/hr.svg, and where their data exist report/history.svg and
// report/training.svg, all from the run folder. Returns the table, whose sentences then hold McNemar's exact test on
// the rows both systems answered. Throws kBadInput naming file and line or key, kCannotWrite. Not collective.
std::string write_report(const std::filesystem::path& run_folder, const std::string& dataset);

}  // namespace recpo::report
