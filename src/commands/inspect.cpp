#include <fmt/format.h>

#include <map>

#include "src/baselines/baseline.hpp"
#include "src/baselines/checkpoint.hpp"
#include "src/commands/commands.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/hdf5.hpp"
#include "src/support/json.hpp"
#include "src/support/standard_streams.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;

std::string describe_rows(const fs::path& path) {
  const data::RowFile rows = data::read_rows(path);
  std::map<data::Split, std::int64_t> counts;
  std::size_t longest = 0;
  for (const data::Row& row : rows.rows) {
    ++counts[row.split];
    longest = std::max(longest, row.prompt_ids.size());
  }
  std::string text = fmt::format("{}: whole, {} rows\n", path.string(), rows.rows.size());
  for (const auto& [split, count] : counts) text += fmt::format("  {:<10} {}\n", name_of(split), count);
  text += fmt::format("  longest prompt {} tokens, end token {}\n  rows {}\n  tokenizer {}\n", longest, rows.end_id,
                      rows.hash, rows.tokenizer_hash);
  return text;
}

std::string describe_reference(const hdf5::File& file) {
  const auto logps = train::read_reference(file.path(), file.read_string("model_hash"), file.read_string("rows_hash"));
  return fmt::format("{}: whole, reference log-probs of {} sets\n  model {}\n  rows {}\n", file.path().string(),
                     logps.size(), file.read_string("model_hash"), file.read_string("rows_hash"));
}

std::string describe_hdf5(const fs::path& path) {
  const hdf5::File file = hdf5::File::open(path);
  if (file.has_attribute("updates")) return baselines::describe_state(path);
  return file.has_attribute("model_hash") ? describe_reference(file) : describe_rows(path);
}

std::string describe_json_lines(const fs::path& path) {
  std::int64_t lines = 0;
  for_each_json_line(path, [&](const JsonObject&) { ++lines; });
  return fmt::format("{}: whole, {} lines\n", path.string(), lines);
}

std::string describe_json(const fs::path& path) {
  const nlohmann::json json = parse_json(read_file(path), path.string());
  std::string text = fmt::format("{}: whole\n", path.string());
  for (const auto& [key, value] : json.items()) text += fmt::format("  {}\n", printable(key));
  return text;
}

std::string describe_path(const fs::path& path);

std::string describe_baseline(const fs::path& folder) {
  parallel::SerialCommunicator alone;
  const auto newest = baselines::newest_state(folder, alone);
  if (!newest) throw_input("{} holds no checkpoint", folder.string());
  return baselines::describe_state(*newest);
}

// A run folder: each of its files that is there.
std::string describe_run(const fs::path& folder) {
  std::string text;
  for (const char* name : {"rows.h5", "prepare.json", "reference.h5", "checkpoints/sft", "checkpoints/align",
                           "metrics.jsonl", "predictions.jsonl", "evaluation.json"}) {
    if (is_there(folder / name)) text += describe_path(folder / name);
  }
  for (const std::string& name : baselines::baseline_names()) {
    const fs::path checkpoints = baselines::baseline_folder(folder, name);
    if (is_there(checkpoints)) text += describe_path(checkpoints);
  }
  return text;
}

std::string describe_path(const fs::path& path) {
  if (!is_there(path)) throw_input("{} does not exist", path.string());
  if (is_folder(path)) {
    if (baselines::is_baseline_folder(path)) return describe_baseline(path);
    const bool is_run = is_there(path / "rows.h5") || is_there(path / "checkpoints");
    return is_run ? describe_run(path) : checkpoint::describe(path);
  }
  const std::string extension = path.extension().string();
  if (extension == ".h5") return describe_hdf5(path);
  if (extension == ".jsonl") return describe_json_lines(path);
  if (extension == ".json") return describe_json(path);
  return checkpoint::describe(path);
}

}  // namespace

void inspect(Workspace& workspace) {
  const Context& context = workspace.context();
  run_on_first_rank(context, "inspecting", [&] { print_result(context, describe_path(context.line.path)); });
}

}  // namespace recpo::commands
