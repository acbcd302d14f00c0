#pragma once
// Tables beside the paper's, from evaluation.json.

#include <filesystem>
#include <string>

namespace recpo::report {

// The table a person reads at the end of a run: one row a model stage (base, sft, dpo, ..., in that order), columns
// HR@1 with its 95 % interval, ValidRatio, HR@1 over valid rows, further figures where there are any, and the paper's
// figures for `dataset` where it has them. Markdown, aligned for a terminal.
std::string markdown_table(const std::string& evaluation_json, const std::string& dataset);

// report/table.md and report/table.csv (and figures as they come) from folder/evaluation.json. Throws kBadInput naming
// the file when it is missing or not ours.
void write_report(const std::filesystem::path& run_folder, const std::string& dataset);

}  // namespace recpo::report
