// Ready rows as JSON lines, {"prompt", "chosen", "rejected": [..]} with optional ratings, latencies and candidates.
// What `prepare --export` writes is read back as the same rows. A file's split is the deck key that names it:
// data.train, data.valid, data.test; a file that several of them name is divided among them. Prompt and answers are
// taken as they stand. Bad lines are counted and limited as everywhere.

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

#include "src/data/dataset.hpp"
#include "src/data/prepare.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/json.hpp"
#include "src/support/log.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;
constexpr std::size_t kSplitParts = 10;  // of the rows of a file that is divided: one each for validation and test

// A key's value; null counts as absent.
const json* find(const json& line, const char* key) {
  const auto at = line.find(key);
  return at == line.end() || at->is_null() ? nullptr : &*at;
}

std::string text_of(const json& value, const char* key) {
  if (!value.is_string()) throw BadLine(fmt::format("\"{}\" is not text", key));
  return value.get<std::string>();
}

std::string required_text(const json& line, const char* key) {
  const json* value = find(line, key);
  if (value == nullptr) throw BadLine(fmt::format("there is no \"{}\"", key));
  std::string text = text_of(*value, key);
  if (text.empty()) throw BadLine(fmt::format("\"{}\" is empty", key));
  return text;
}

std::string optional_text(const json& object, const char* key) {
  const json* value = find(object, key);
  return value == nullptr ? "" : text_of(*value, key);
}

// Ratings and latencies: utilities divide by both.
std::optional<double> positive_number(const json* value, const char* key) {
  if (value == nullptr || value->is_null()) return std::nullopt;
  if (!value->is_number() || !std::isfinite(value->get<double>()) || value->get<double>() <= 0)
    throw BadLine(fmt::format("\"{}\" holds something else than numbers above 0", key));
  return value->get<double>();
}

// A list, or one value that stands for a list of one.
std::vector<const json*> list_of(const json& line, const char* key) {
  std::vector<const json*> values;
  const json* value = find(line, key);
  if (value == nullptr) return values;
  if (!value->is_array()) return {value};
  for (const json& element : *value) values.push_back(&element);
  return values;
}

std::vector<std::optional<double>> numbers_of(const json& line, const char* key, std::size_t count) {
  const auto values = list_of(line, key);
  if (!values.empty() && values.size() != count)
    throw BadLine(fmt::format("\"{}\" has {} values for {} rejected answers", key, values.size(), count));
  std::vector<std::optional<double>> numbers(count);
  for (std::size_t i = 0; i < values.size(); ++i) numbers[i] = positive_number(values[i], key);
  return numbers;
}

Candidate answer(std::string text) {
  Candidate candidate;
  candidate.leading_space = text.starts_with(' ');
  candidate.title = candidate.leading_space ? text.substr(1) : std::move(text);
  return candidate;
}

// A text, or an object as the export writes it.
Candidate read_candidate(const json& value) {
  if (!value.is_object()) return answer(text_of(value, "candidates"));
  Candidate candidate;
  candidate.item = optional_text(value, "item");
  const json* title = find(value, "title");  // may be empty, as a rejected answer may
  if (title == nullptr) throw BadLine("there is no \"title\"");
  candidate.title = text_of(*title, "title");
  candidate.rating = positive_number(find(value, "rating"), "candidates.rating");
  candidate.latency = positive_number(find(value, "latency"), "candidates.latency");
  return candidate;
}

// The place of an answer among the given candidates; it is added when it is none of them. Feedback and the leading
// space are the answer's own.
std::int32_t place_answer(std::vector<Candidate>& candidates, bool match, const Candidate& wanted) {
  std::size_t at = 0;
  while (at < candidates.size() && !(match && candidates[at].title == wanted.title)) ++at;
  if (at == candidates.size()) candidates.push_back(wanted);
  candidates[at].leading_space = wanted.leading_space;
  if (wanted.rating) candidates[at].rating = wanted.rating;
  if (wanted.latency) candidates[at].latency = wanted.latency;
  return static_cast<std::int32_t>(at);
}

void read_answers(const json& line, Row& row) {
  for (const json* value : list_of(line, "candidates")) row.candidates.push_back(read_candidate(*value));
  const bool match = !row.candidates.empty();
  Candidate chosen = answer(required_text(line, "chosen"));
  chosen.rating = positive_number(find(line, "chosen_rating"), "chosen_rating");
  chosen.latency = positive_number(find(line, "chosen_latency"), "chosen_latency");
  for (Candidate& candidate : row.candidates) candidate.leading_space = chosen.leading_space;  // lists hold bare titles
  row.preferred = place_answer(row.candidates, match, chosen);

  const auto rejected = list_of(line, "rejected");
  const auto ratings = numbers_of(line, "rejected_rating", rejected.size());
  const auto latencies = numbers_of(line, "rejected_latency", rejected.size());
  for (std::size_t k = 0; k < rejected.size(); ++k) {
    Candidate other = answer(text_of(*rejected[k], "rejected"));
    if (other.title == chosen.title) throw BadLine("a rejected answer equals the chosen one");
    other.rating = ratings[k];
    other.latency = latencies[k];
    row.negatives.push_back(place_answer(row.candidates, match, other));
  }
}

void read_history(const json& line, Row& row) {
  for (const json* value : list_of(line, "history")) {
    if (!value->is_object()) throw BadLine("\"history\" holds something else than objects");
    HistoryItem item{optional_text(*value, "item"), optional_text(*value, "title")};
    item.rating = positive_number(find(*value, "rating"), "history.rating").value_or(0);
    if (const json* time = find(*value, "time")) {
      if (!time->is_number_integer()) throw BadLine("\"history.time\" is not a whole number");
      item.time = time->get<std::int64_t>();
    }
    row.history.push_back(std::move(item));
  }
  row.history_length = static_cast<std::int32_t>(row.history.size());
}

Row parse_row(std::string_view text) {
  json line;
  try {
    line = parse_json(text, "JSON");
  } catch (const Error& error) {
    throw BadLine(error.what());
  }
  if (!line.is_object()) throw BadLine("not a JSON object");
  Row row;
  row.prompt = required_text(line, "prompt");
  row.user = optional_text(line, "user");
  read_answers(line, row);
  read_history(line, row);
  return row;
}

// Rows of one file with their origins, in its order.
struct FileRows {
  std::vector<Row> rows;
  std::vector<RowOrigin> origins;
};

FileRows read_file_rows(const std::string& file, const DataOptions& options, ImportReport& report) {
  FileRows found;
  const std::string name = fs::path(file).filename().string();
  read_lines(file, line_limits(options), report, [&](std::string_view line, std::int64_t number) {
    found.rows.push_back(parse_row(line));
    found.origins.push_back({fmt::format("{}:{}", name, number)});
  });
  return found;
}

// Divides the rows of a file among its splits, so that no row and no prompt is in two of them: prompts in the order of
// their hashes fill first the test split, then the validation split, each to a tenth of the rows.
void divide(std::vector<Row>& rows, const std::vector<Split>& splits) {
  for (Row& row : rows) row.split = splits.front();
  if (splits.size() == 1) return;
  std::map<std::string, std::vector<std::size_t>> by_prompt;  // of hashes
  for (std::size_t i = 0; i < rows.size(); ++i) by_prompt[sha256_hex(rows[i].prompt)].push_back(i);
  const std::size_t share = std::max<std::size_t>(1, rows.size() / kSplitParts);
  std::size_t at = splits.size() - 1, filled = 0;
  for (const auto& [hash, places] : by_prompt) {
    for (const std::size_t place : places) rows[place].split = splits[at];
    filled += places.size();
    if (at > 0 && filled >= share) {
      --at;
      filled = 0;
    }
  }
}

void read_rows(const DataOptions& options, Prepared& prepared, nlohmann::ordered_json& summary) {
  const std::pair<const std::string&, Split> named[] = {
      {options.train, Split::kTrain}, {options.valid, Split::kValid}, {options.test, Split::kTest}};
  std::vector<std::string> files;                       // each once, in the order of the splits
  std::map<std::string, std::vector<Split>> splits_of;  // train first
  for (const auto& [file, split] : named) {
    if (file.empty()) continue;
    if (splits_of[file].empty()) files.push_back(file);
    splits_of[file].push_back(split);
  }
  ImportReport report;
  std::map<std::string, FileRows> found;
  for (const std::string& file : files) {
    FileRows& of_file = found[file] = read_file_rows(file, options, report);
    divide(of_file.rows, splits_of[file]);
    if (splits_of[file].size() > 1)
      report.notes.push_back(fmt::format("{}: its rows are divided among {} splits, each prompt in one of them",
                                         fs::path(file).filename().string(), splits_of[file].size()));
  }
  for (const auto& [named_file, split] : named) {
    if (named_file.empty()) continue;
    FileRows& of_file = found[named_file];
    for (std::size_t i = 0; i < of_file.rows.size(); ++i) {
      if (of_file.rows[i].split != split) continue;
      of_file.rows[i].id = static_cast<std::int64_t>(prepared.rows.rows.size());
      prepared.rows.rows.push_back(std::move(of_file.rows[i]));
      prepared.origins.push_back(std::move(of_file.origins[i]));
    }
  }
  for (const std::string& note : report.notes) log::info("{}", note);
  summary["import"] = report_json(report);
}

// Of the first line: one that is no preference row has no keys.
bool has_keys(const fs::path& file, std::initializer_list<const char*> keys) {
  bool has_all = false;
  try {
    ImportReport report;
    read_lines(file, {.max_lines = 1}, report, [&](std::string_view line, std::int64_t) {
      const json first = parse_json(line, "JSON");
      has_all = std::ranges::all_of(keys, [&](const char* key) { return first.is_object() && first.contains(key); });
    });
  } catch (const Error&) {  // not JSON lines
  }
  return has_all;
}

// The arrays of LLaRA and S-DPO: [{"historyList": .., "itemList": .., "trueSelection": ..}, ..].
bool is_llara(const fs::path& file) {
  constexpr std::size_t kBeginning = 4096;
  std::string text(kBeginning, '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.read(text.data(), kBeginning);
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text.starts_with('[') && text.find("\"trueSelection\"") != std::string::npos;
}

std::optional<Finding> llara_obstacle(const fs::path& folder) {
  for (const fs::path& file : files_ending(folder, {".json"}))
    if (is_llara(file))
      return Finding{.obstacle =
                         fmt::format("{}: the JSON of LLaRA and S-DPO is known, but not read; write its entries "
                                     "as JSON lines with prompt, chosen and rejected",
                                     file.string())};
  return std::nullopt;
}

// By the words of its name.
std::optional<Split> split_of(const std::string& name) {
  constexpr std::pair<const char*, Split> kWords[] = {{"train", Split::kTrain},
                                                      {"test", Split::kTest},
                                                      {"eval", Split::kTest},  // before val, which it holds
                                                      {"val", Split::kValid},
                                                      {"dev", Split::kValid}};
  for (const auto& [word, split] : kWords)
    if (name.find(word) != name.npos) return split;
  return std::nullopt;
}

// Files that name their split; of the others the first is for training where none is yet. Splits without a file share
// the training rows.
std::optional<Finding> recognize(const fs::path& folder) {
  std::map<Split, std::string> file_of;
  std::vector<std::string> others;
  for (const fs::path& file : files_ending(folder, {".jsonl", ".json", ".ndjson"})) {
    if (!has_keys(file, {"prompt", "chosen"})) continue;
    const auto split = split_of(file.filename().string());
    const bool is_new = split && file_of.try_emplace(*split, file.string()).second;
    if (!is_new) others.push_back(file.string());
  }
  if (file_of.empty() && others.empty()) return llara_obstacle(folder);
  if (!file_of.contains(Split::kTrain) && !others.empty()) {
    file_of[Split::kTrain] = others.front();
    others.erase(others.begin());
  }
  const std::string train = file_of.begin()->second;
  Finding finding;
  DataOptions& options = finding.options;
  const std::pair<Split, std::string&> keys[] = {
      {Split::kTrain, options.train}, {Split::kValid, options.valid}, {Split::kTest, options.test}};
  for (const auto& [split, key] : keys) key = file_of.contains(split) ? file_of[split] : train;
  for (const auto& [split, key] : keys) {
    const auto sharing =
        std::ranges::count(keys, key, [](const auto& other) -> const std::string& { return other.second; });
    finding.notes.push_back(fmt::format("{}: {}{}", name_of(split), fs::path(key).filename().string(),
                                        sharing > 1 ? ", divided by prompts" : ""));
  }
  for (const std::string& file : others)
    finding.open.push_back(fmt::format("what {} is for: it is not read", fs::path(file).filename().string()));
  return finding;
}
}  // namespace

extern const Dataset rows;
const Dataset rows = {.name = "rows",
                      .title = "preference rows",
                      .files = "JSON lines with prompt, chosen and rejected",
                      .read_rows = read_rows,
                      .recognize = recognize};

}  // namespace recpo::data
