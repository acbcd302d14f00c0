#include "src/report/run_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::report {
namespace {
namespace fs = std::filesystem;
constexpr std::uint64_t kLargestFigures = std::uint64_t{1} << 26;
constexpr const char* kEvaluation = "evaluation.json";

std::vector<fs::path> search(const fs::path& root) {
  std::vector<fs::path> found;
  if (fs::exists(root / kEvaluation)) found.push_back(root);
  try {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root))
      if (entry.is_directory() && !entry.is_symlink() && fs::exists(entry.path() / kEvaluation))
        found.push_back(entry.path());
  } catch (const fs::filesystem_error& error) {
    throw_input("{}: {}", root.string(), error.code().message());
  }
  if (found.empty()) throw_input("{}: no run folder in it: none with an {}", root.string(), kEvaluation);
  std::sort(found.begin(), found.end());
  return found;
}

// The longest folder that all paths lie in.
fs::path common_folder(const std::vector<RunFolder>& runs) {
  fs::path common = runs.front().path.parent_path();
  const auto holds = [&](const RunFolder& run) {
    return std::mismatch(common.begin(), common.end(), run.path.begin(), run.path.end()).first == common.end();
  };
  while (common.has_relative_path() && !std::all_of(runs.begin(), runs.end(), holds)) common = common.parent_path();
  return common;
}

std::string last_name(const std::string& path) {
  fs::path name = fs::path(path).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();
  return name.filename().string();
}
}  // namespace

std::vector<fs::path> find_run_folders(const std::vector<fs::path>& roots) {
  std::vector<fs::path> folders;
  std::set<fs::path> seen;
  for (const fs::path& root : roots)
    for (const fs::path& folder : search(root))
      if (seen.insert(fs::weakly_canonical(folder)).second) folders.push_back(folder);
  return folders;
}

RunFolder read_run_folder(const fs::path& path) {
  const fs::path evaluation = path / kEvaluation, predictions = path / "predictions.jsonl",
                 preparation = path / "prepare.json";
  RunFolder run;
  run.path = fs::absolute(path).lexically_normal();
  if (!run.path.has_filename()) run.path = run.path.parent_path();
  run.name = run.path.filename().string();
  run.systems = parse_evaluation(read_file(evaluation, kLargestFigures), evaluation.string());
  if (fs::exists(predictions)) run.answers = parse_predictions(read_file(predictions), predictions.string());
  if (fs::exists(preparation))
    run.preparation = parse_preparation(read_file(preparation, kLargestFigures), preparation.string());
  return run;
}

std::vector<RunFolder> read_run_folders(const std::vector<fs::path>& paths) {
  std::vector<RunFolder> runs;
  Progress progress("read runs", static_cast<std::int64_t>(paths.size()), "folders");
  for (const fs::path& path : paths) {
    runs.push_back(read_run_folder(path));
    progress.advance();
  }
  if (runs.empty()) return runs;
  const fs::path common = common_folder(runs);
  for (RunFolder& run : runs) run.name = run.path.lexically_relative(common).generic_string();
  return runs;
}

std::string dataset_of(const RunFolder& run, const SystemFigures& system) {
  const std::string prepared = run.preparation ? run.preparation->dataset : "";
  const std::string name = text_of(system.settings, "data.dataset", prepared);
  if (name != "recbole" && name != "rows") return name;
  const std::string source = text_of(system.settings, name == "rows" ? "data.test" : "data.path");
  return source.empty() ? name : fmt::format("{} ({})", name, last_name(source));
}

std::string seed_of(const RunFolder& run, const SystemFigures& system) {
  return text_of(system.settings, "run.seed", run.preparation ? run.preparation->seed : "");
}

}  // namespace recpo::report
