#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "src/evaluation/examples.hpp"
#include "src/report/sections.hpp"

namespace recpo::report {
namespace {
constexpr std::size_t kExamples = 5, kShownHistory = 5;

// One system's results of one seed; a row is one question in all of them.
struct Answering {
  const Variant* variant;
  const Result* result;
  const Answers* answers;
};

std::vector<Answering> answering(const Study& study, const std::string& dataset, const std::string& seed) {
  std::vector<Answering> systems;
  for (const Variant* variant : study.bases(dataset))
    for (const Result& result : variant->seeds)
      if (const Answers* answers = result.answers(kMain); answers != nullptr && result.seed == seed) {
        systems.push_back({variant, &result, answers});
        break;
      }
  return systems;
}

// The seed that most systems have, the first of equals.
std::string common_seed(const Study& study, const std::string& dataset) {
  std::map<std::pair<std::size_t, std::string>, std::size_t> counts;  // by seed as a number, however long
  for (const Variant* variant : study.bases(dataset))
    for (const Result& result : variant->seeds) ++counts[{result.seed.size(), result.seed}];
  const auto most = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  return most == counts.end() ? "" : most->first.second;
}

const Answer* find_row(const Answers& answers, std::int64_t row) {
  const auto found = std::ranges::lower_bound(answers, row, {}, &Answer::row);
  return found == answers.end() || found->row != row ? nullptr : &*found;
}

// Rows that all systems answered, as one question. Where there are none, those of the first system.
std::vector<std::int64_t> common_rows(const std::vector<Answering>& systems) {
  std::vector<std::int64_t> common, own;
  for (const Answer& answer : *systems.front().answers) {
    own.push_back(answer.row);
    const bool everywhere = std::ranges::all_of(systems, [&](const Answering& system) {
      const Answer* same = find_row(*system.answers, answer.row);
      return same != nullptr && same->question == answer.question;
    });
    if (everywhere) common.push_back(answer.row);
  }
  return common.empty() ? own : common;
}

std::uint64_t number_of(const std::string& seed) {
  std::uint64_t number = 0;
  std::from_chars(seed.data(), seed.data() + seed.size(), number);
  return number;
}

std::string history_text(const Question& question) {
  const std::size_t shown = std::min(kShownHistory, question.history.size());
  const std::vector<std::string> last(question.history.end() - static_cast<std::ptrdiff_t>(shown),
                                      question.history.end());
  return (shown < question.history.size() ? "..; " : "") + fmt::format("{}", fmt::join(last, "; "));
}

const Question* find_question(const RunFolder& run, std::int64_t row) {
  const auto found = std::ranges::find(run.questions, row, &Question::row);
  return found == run.questions.end() ? nullptr : &*found;
}

Cell cell_of(const AnswerText& text, bool ranks) {
  const bool is_empty = text.answer.empty();
  Cell cell{is_empty ? "no answer" : text.answer};
  if (text.hit) {
    cell.emphasis = Cell::Emphasis::kRight;
  } else if (!text.valid) {
    cell.emphasis = Cell::Emphasis::kMissing;
    if (!is_empty) cell.notes.push_back("no candidate");
  }
  if (ranks && !text.hit && text.chosen_rank)
    cell.notes.push_back(fmt::format("right one: rank {}", *text.chosen_rank));
  return cell;
}

using Texts = std::map<std::string, std::map<std::int64_t, AnswerText>>;  // by system, by row

const std::map<std::int64_t, AnswerText>& own_texts(Texts& texts, const Answering& system) {
  const std::string& name = system.result->metrics->system;
  return texts[name == kSftLonger && !texts.contains(name) ? kSft : name];
}

// Columns are questions, rows what they show, the right answer and every system's.
Table table_of(const std::vector<Answering>& systems, const std::vector<std::int64_t>& rows,
               std::map<const RunFolder*, Texts>& texts, const std::string& dataset) {
  Table table{fmt::format("{}: {} questions drawn by the seed, with the answers of all systems; right ones are marked.",
                          dataset, rows.size()),
              {{"", "", true}}};
  std::vector<Cell> shown = {{"last in the history"}}, right = {{"right answer"}};
  bool any_history = false;
  for (const std::int64_t row : rows) {
    const Question* question = nullptr;
    std::string chosen;
    for (const Answering& system : systems) {
      if (question == nullptr) question = find_question(*system.result->run, row);
      const auto& own = own_texts(texts[system.result->run], system);
      if (const auto found = own.find(row); found != own.end() && chosen.empty()) chosen = found->second.chosen;
    }
    table.columns.push_back({fmt::format("row {}", row), "", true});
    any_history |= question != nullptr;
    shown.push_back(question == nullptr ? missing_cell("-") : Cell{history_text(*question)});
    right.push_back({chosen});
    if (question != nullptr) right.back().notes.push_back(fmt::format("one of {}", question->num_candidates));
  }
  if (any_history) table.rows.push_back(std::move(shown));
  table.rows.push_back(std::move(right));
  for (const Answering& system : systems) {
    std::vector<Cell> cells = {{system.variant->system->label}};
    const auto& own = own_texts(texts[system.result->run], system);
    for (const std::int64_t row : rows) {
      const auto found = own.find(row);
      const bool same = found != own.end() && find_row(*system.answers, row) != nullptr;
      cells.push_back(same ? cell_of(found->second, true) : missing_cell("not asked"));
    }
    table.rows.push_back(std::move(cells));
  }
  return table;
}
}  // namespace

void add_examples(const Study& study, Document& document) {
  Document section;
  for (const std::string& dataset : study.datasets) {
    const std::string seed = common_seed(study, dataset);
    const std::vector<Answering> systems = answering(study, dataset, seed);
    if (systems.empty()) continue;
    const auto rows = evaluation::draw_examples(common_rows(systems), number_of(seed), kExamples);
    std::map<const RunFolder*, Texts> texts;
    for (const Answering& system : systems) {
      const RunFolder* run = system.result->run;
      if (!texts.contains(run)) texts[run] = read_answer_texts(run->path, rows);
    }
    section.add(table_of(systems, rows, texts, dataset));
  }
  if (section.blocks.empty()) return;
  document.add(Heading{"Example questions"});
  for (Block& block : section.blocks) document.add(std::move(block));
}

}  // namespace recpo::report
