#pragma once
// The report of run folders: tables with the paper's numbers, figures, one page. A single run is a study of one.

#include <filesystem>
#include <string>
#include <vector>

namespace recpo::report {

// From the evaluation.json of each folder, with the predictions.jsonl and prepare.json next to it, writes into
// `output`, which is made: index.html (self-contained), the same as report.md, its tables of results and comparisons as
// table.md, results.csv (also as table.csv), comparisons.csv, datasets.csv and the pictures as SVG. Returns the text of
// table.md. `dataset` is that of folders that do not name theirs; with `refresh_seconds` the page loads itself again
// that often. Runs of several kinds (groups.hpp) are a part of the page each; files of further parts begin with the
// part's number. A file that cannot be read ends it before anything is written (kBadInput naming file and key), as a
// thinner table would not tell. kCannotWrite. Not collective. find_run_folders() of run_folder.hpp finds the folders.
std::string write_report(const std::vector<std::filesystem::path>& run_folders, const std::filesystem::path& output,
                         const std::string& title, const std::string& dataset = "", double refresh_seconds = 0);

// Of one run folder: "NAME on DATASET", and the text of table.md alone.
std::string title_of_run(const std::filesystem::path& run_folder, const std::string& dataset);
std::string results_text(const std::filesystem::path& run_folder, const std::string& dataset);

}  // namespace recpo::report
