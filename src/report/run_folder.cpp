#include "src/report/run_folder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "src/report/evaluation_file.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/json.hpp"
#include "src/support/log.hpp"

namespace recpo::report {
namespace {
namespace fs = std::filesystem;
constexpr double kLargestRating = 1e9;
constexpr std::uint64_t kLimitBytes = std::uint64_t{1} << 26;
constexpr const char *kEvaluation = "evaluation.json", *kPredictions = "predictions.jsonl";

std::vector<fs::path> search(const fs::path& root) {
  if (!is_there(root)) throw_input("{} does not exist", root.string());
  std::vector<fs::path> found;
  for (const fs::path& path : list_tree(root))
    if (path.filename() == kEvaluation) found.push_back(path.parent_path());
  if (found.empty() && has_results(root)) found.push_back(root);
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
}  // namespace

std::vector<fs::path> find_run_folders(const std::vector<fs::path>& roots) {
  std::vector<fs::path> folders;
  std::set<fs::path> seen;
  for (const fs::path& root : roots)
    for (const fs::path& folder : search(root))
      if (seen.insert(fs::weakly_canonical(folder)).second) folders.push_back(folder);
  return folders;
}

bool has_results(const fs::path& path) {
  return std::ranges::any_of(std::array{kEvaluation, "metrics.jsonl", "prepare.json"},
                             [&](const char* name) { return is_there(path / name); });
}

RunFolder read_run_folder(const fs::path& path) {
  const fs::path evaluation = path / kEvaluation, predictions = path / kPredictions,
                 preparation = path / "prepare.json", examples = path / "examples.jsonl", note = path / "note.txt";
  RunFolder run;
  run.path = fs::absolute(path).lexically_normal();
  if (!run.path.has_filename()) run.path = run.path.parent_path();
  run.name = run.path.filename().string();
  if (is_there(evaluation) || !has_results(path))
    run.systems = parse_evaluation(read_file(evaluation, kLimitBytes), evaluation.string());
  if (is_there(note)) run.note = read_file(note, kLimitBytes);
  if (is_there(predictions)) run.answers = parse_predictions(read_file(predictions), predictions.string());
  if (is_there(examples)) run.questions = parse_examples(read_file(examples, kLimitBytes), examples.string());
  if (is_there(preparation))
    run.preparation = parse_preparation(read_file(preparation, kLimitBytes), preparation.string());
  return run;
}

std::vector<RunFolder> read_run_folders(const std::vector<fs::path>& paths, const std::string& dataset) {
  std::vector<RunFolder> runs;
  Progress progress("read runs", static_cast<std::int64_t>(paths.size()), "folders");
  for (const fs::path& path : paths) {
    runs.push_back(read_run_folder(path));
    runs.back().default_dataset = dataset;
    progress.advance();
  }
  if (runs.size() < 2) return runs;
  const fs::path common = common_folder(runs);
  for (RunFolder& run : runs) run.name = run.path.lexically_relative(common).generic_string();
  return runs;
}

namespace {
void for_each_line(const std::string& jsonl, const std::string& source,
                   const std::function<void(const JsonObject&)>& act) {
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < jsonl.size(); ++number) {
    const std::size_t end = std::min(jsonl.find('\n', begin), jsonl.size());
    const std::string where = fmt::format("{}:{}", source, number + 1);
    const nlohmann::json parsed = parse_json(std::string_view(jsonl).substr(begin, end - begin), where);
    act(JsonObject(parsed, where));
    begin = end + 1;
  }
}

void add_line(const JsonObject& line, AnswersOfSystem& systems) {
  const std::string user = line.text("user", "");
  const std::hash<std::string> hash;
  Answer answer;
  answer.row = line.integer("row", 0, INT64_MAX);
  answer.user = hash(user);
  answer.question = hash(user + '\0' + line.text("chosen", ""));
  answer.hit = line.boolean("hit");
  answer.valid = line.boolean("valid", answer.hit);
  if (line.has("chosen_rank")) {
    const auto tied = static_cast<double>(line.integer("chosen_tied", 1, INT32_MAX, 1));
    const double first = line.real("chosen_rank", 1, INT32_MAX) - (tied - 1) / 2;
    answer.ranked_first = static_cast<float>(first <= 1 ? 1 / tied : 0);
  }
  systems[line.text("model")][line.text("split")].push_back(answer);
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
  AnswersOfSystem systems;
  for_each_line(jsonl, source, [&](const JsonObject& line) { add_line(line, systems); });
  const bool tested = std::ranges::any_of(systems, [](const auto& entry) { return entry.second.contains("test"); });
  for (auto& [system, tests] : systems) {
    if (auto main = tests.extract(tested ? "test" : "valid")) {
      main.key() = "main";
      tests.insert(std::move(main));
    }
    for (const char* split : {"test", "valid"}) tests.erase(split);
    for (auto& [test, answers] : tests) sort_rows(answers);
  }
  return systems;
}

namespace {
std::string with_rating(const JsonObject& item) {
  const std::string title = item.text("title");
  if (!item.has("rating")) return title;
  return fmt::format("{} ({})", title, item.real("rating", -kLargestRating, kLargestRating));
}
}  // namespace

std::vector<Question> parse_examples(const std::string& jsonl, const std::string& source) {
  std::vector<Question> questions;
  for_each_line(jsonl, source, [&](const JsonObject& line) {
    Question question{line.integer("row", 0, INT64_MAX)};
    for (const JsonObject& item : line.objects("history")) question.history.push_back(with_rating(item));
    if (!line.at("candidates").is_array()) throw_input("{}: candidates must be a list", line.source());
    question.num_candidates = line.at("candidates").size();
    questions.push_back(std::move(question));
  });
  return questions;
}

std::map<std::string, std::map<std::int64_t, AnswerText>> read_answer_texts(const fs::path& run_folder,
                                                                            const std::vector<std::int64_t>& rows) {
  std::map<std::string, std::map<std::int64_t, AnswerText>> texts;
  const fs::path predictions = run_folder / kPredictions;
  for_each_json_line(predictions, [&](const JsonObject& line) {
    const std::int64_t row = line.integer("row", 0, INT64_MAX);
    if (std::ranges::find(rows, row) == rows.end()) return;  // row numbers count over all splits
    AnswerText text{line.text("answer", ""), line.text("chosen", "")};
    text.hit = line.boolean("hit");
    text.valid = line.boolean("valid", text.hit);
    if (line.has("chosen_rank")) text.chosen_rank = line.real("chosen_rank", 1, INT32_MAX);
    texts[line.text("model")][row] = std::move(text);
  });
  return texts;
}

namespace {
constexpr std::int64_t kMax = std::int64_t{1} << 40;
constexpr std::size_t kMaxNames = 100;

std::optional<DatasetCounts> read_counts(const JsonObject& json, const std::string& key) {
  if (!json.has(key)) return std::nullopt;
  const JsonObject counts = json.object(key);
  return DatasetCounts{counts.integer("users", 0, kMax), counts.integer("items", 0, kMax),
                       counts.integer("interactions", 0, kMax)};
}

NamedCounts read_named(const JsonObject& json, const std::string& key) {
  NamedCounts named;
  if (!json.has(key)) return named;
  const JsonObject counts = json.object(key);
  if (counts.value().size() > kMaxNames) throw_input("{}: more than {} names", counts.source(), kMaxNames);
  for (const auto& [name, value] : counts.value().items()) named.emplace_back(name, counts.integer(name, 0, kMax));
  return named;
}
}  // namespace

Preparation parse_preparation(const std::string& text, const std::string& source) {
  const nlohmann::json parsed = parse_json(text, source);
  const JsonObject json(parsed, source);
  Preparation preparation;
  preparation.dataset = json.text("dataset", "");
  if (json.has("seed")) preparation.seed = read_settings({{"seed", json.at("seed")}}, source).at("seed").text;
  if (json.has("counts")) {
    preparation.imported = read_counts(json.object("counts"), "imported");
    preparation.kept = read_counts(json.object("counts"), "k_core");
  }
  if (json.has("import")) preparation.bad_lines = json.object("import").integer("bad_lines", 0, kMax, 0);
  preparation.rows = read_named(json, "rows");
  preparation.dropped = read_named(json, "dropped");
  return preparation;
}

}  // namespace recpo::report
