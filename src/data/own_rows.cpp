#include "src/data/own_rows.hpp"

#include <cmath>
#include <filesystem>
#include <utility>

#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::data {
namespace {
using nlohmann::json;

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
  candidate.title = required_text(value, "title");
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
}  // namespace

void import_own_rows(const DataOptions& options, Prepared& prepared, nlohmann::ordered_json& summary) {
  ImportReport report;
  const std::pair<const std::string&, Split> files[] = {
      {options.train, Split::kTrain}, {options.valid, Split::kValid}, {options.test, Split::kTest}};
  for (const auto& [file, split] : files) {
    if (file.empty()) continue;
    const std::string name = std::filesystem::path(file).filename().string();
    read_lines(file, options.max_bad_lines, report, [&](std::string_view line, std::int64_t number) {
      Row row = parse_row(line);
      row.id = static_cast<std::int64_t>(prepared.rows.rows.size());
      row.split = split;
      prepared.rows.rows.push_back(std::move(row));
      prepared.origins.push_back({fmt::format("{}:{}", name, number)});
    });
  }
  summary["import"] = report_json(report);
}

nlohmann::ordered_json report_json(const ImportReport& report) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  std::int64_t bad_lines = 0;
  for (const FileReport& file : report.files) {
    files.push_back(
        {{"file", file.name}, {"lines", file.lines}, {"blank_lines", file.blank_lines}, {"bad_lines", file.bad_lines}});
    bad_lines += file.bad_lines;
  }
  return {{"files", files}, {"bad_lines", bad_lines}, {"first_bad_lines", report.first_bad_lines}};
}

}  // namespace recpo::data
