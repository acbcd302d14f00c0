#pragma once
// Tables beside the paper's and figures: of one run folder, from its evaluation.json, predictions.jsonl and
// metrics.jsonl, and of a study, from many run folders.

#include <filesystem>
#include <string>
#include <vector>

namespace recpo::report {

// The table a person reads at the end of a run: one row a model (base, sft, dpo, ..., in that order), columns HR@1 with
// its 95 % interval, ValidRatio, HR@1 over valid rows, rows, further figures where there are any, and the paper's for
// `dataset` where it has them; then what chance gives, and sentences that compare. Markdown, aligned for a terminal.
// Throws kBadInput, naming the key, when the JSON is not ours.
std::string markdown_table(const std::string& evaluation_json, const std::string& dataset);

// Writes report/index.html (self-contained), report/table.md, report/table.csv, report/hr.svg, and where their data
// exist report/history.svg and report/training.svg, all from the run folder. Returns the table, whose sentences then
// hold McNemar's exact test on the rows both systems answered. Throws kBadInput naming file and line or key,
// kCannotWrite. Not collective.
std::string write_report(const std::filesystem::path& run_folder, const std::string& dataset);

// The report of a study: Tables 1 to 3, Figures 2, 4 and 6, every other setting that was varied alone, comparisons in
// pairs, data, settings, and what is missing, from the evaluation.json of each folder with the predictions.jsonl and
// prepare.json beside it. Writes index.html (self-contained), report.md, results.csv, comparisons.csv, datasets.csv and
// the pictures as SVG into `output`, which is made. Returns the summary and Table 1 as Markdown. A file that cannot be
// read ends it before anything is written (kBadInput naming file and key): a thinner table would not tell.
// kCannotWrite. Not collective. find_run_folders() of run_folder.hpp finds the folders.
std::string write_study(const std::vector<std::filesystem::path>& run_folders, const std::filesystem::path& output,
                        const std::string& title);

}  // namespace recpo::report
