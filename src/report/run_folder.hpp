#pragma once
// A run folder as a report reads it, and how such folders are found.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "src/report/evaluation_file.hpp"
#include "src/report/predictions_file.hpp"
#include "src/report/preparation_file.hpp"

namespace recpo::report {

struct RunFolder {
  std::filesystem::path path;
  std::string name;  // for readers: the path without what all folders have in common
  std::vector<SystemFigures> systems;
  AnswersOfSystem answers;  // empty without predictions.jsonl
  std::optional<Preparation> preparation;
};

// Folders with an evaluation.json: the roots themselves, and whatever lies in them at any depth; links are not
// followed. Each once, in the order of the roots, sorted within. Throws kBadInput for a root that holds none.
std::vector<std::filesystem::path> find_run_folders(const std::vector<std::filesystem::path>& roots);

// evaluation.json, and predictions.jsonl and prepare.json where they are. Throws kBadInput naming file and key.
RunFolder read_run_folder(const std::filesystem::path& path);
std::vector<RunFolder> read_run_folders(const std::vector<std::filesystem::path>& paths);  // with names

// The data set of one of its systems: data.dataset of the settings, else that of prepare.json, else "". Kinds of files
// that say nothing of their content are told apart by their folder: "recbole (NAME)".
std::string dataset_of(const RunFolder& run, const SystemFigures& system);
std::string seed_of(const RunFolder& run, const SystemFigures& system);  // "": unknown

}  // namespace recpo::report
