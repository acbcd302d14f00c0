#include "src/report/predictions_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::report {
namespace {
using AnswersOfSplit = std::map<std::string, Answers>;

void add_line(const JsonObject& line, std::map<std::string, AnswersOfSplit>& systems) {
  const std::string user = line.text("user", "");
  const std::hash<std::string> hash;
  Answer answer;
  answer.row = line.integer("row", 0, INT64_MAX);
  answer.user = hash(user);
  answer.question = hash(user + '\0' + line.text("chosen", ""));
  answer.hit = line.boolean("hit");
  answer.valid = line.boolean("valid", answer.hit);
  const std::string split = line.text("split");
  if (split != "test" && split != "valid" && split != "adherence" && split != "avoidance")
    throw_input("{}: split must be test, valid, adherence or avoidance", line.source());
  systems[line.text("model")][split].push_back(answer);
}

// Of equal rows the last stays.
void sort_rows(Answers& answers) {
  std::stable_sort(answers.begin(), answers.end(), [](const Answer& a, const Answer& b) { return a.row < b.row; });
  const auto first =
      std::unique(answers.rbegin(), answers.rend(), [](const Answer& a, const Answer& b) { return a.row == b.row; });
  answers.erase(answers.begin(), first.base());
  answers.shrink_to_fit();
}
}  // namespace

AnswersOfSystem parse_predictions(const std::string& jsonl, const std::string& source) {
  std::map<std::string, AnswersOfSplit> systems;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < jsonl.size(); ++number) {
    const std::size_t end = std::min(jsonl.find('\n', begin), jsonl.size());
    const std::string where = fmt::format("{}:{}", source, number + 1);
    const nlohmann::json parsed = parse_json(std::string_view(jsonl).substr(begin, end - begin), where);
    add_line(JsonObject(parsed, where), systems);
    begin = end + 1;
  }
  const bool tested =
      std::any_of(systems.begin(), systems.end(), [](const auto& entry) { return entry.second.contains("test"); });
  AnswersOfSystem result;
  for (auto& [system, splits] : systems) {
    for (auto& [split, answers] : splits) sort_rows(answers);
    result[system] = {std::move(splits[tested ? "test" : "valid"]), std::move(splits["adherence"]),
                      std::move(splits["avoidance"])};
  }
  return result;
}

}  // namespace recpo::report
