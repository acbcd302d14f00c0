#pragma once
// A run folder as a report reads it, and how such folders are found.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/report/evaluation_file.hpp"

namespace recpo::report {

struct DatasetCounts {
  std::int64_t users = 0, items = 0, interactions = 0;
  bool operator==(const DatasetCounts&) const = default;
};

using NamedCounts = std::vector<std::pair<std::string, std::int64_t>>;

// prepare.json: what became of the raw data. Everything is optional, because ready rows have no ratings to count.
struct Preparation {
  std::string dataset;
  std::string seed;                             // as text: it has 64 bits
  std::optional<DatasetCounts> imported, kept;  // before every filter, and after the last
  NamedCounts rows, dropped;                    // by split, by reason
  std::optional<std::int64_t> bad_lines;        // of the raw files
};

// Throws kBadInput naming `source` and the key.
Preparation parse_preparation(const std::string& json, const std::string& source);

// A line of predictions.jsonl. Compact, because a study holds many of them.
struct Answer {
  std::int64_t row = 0;
  std::uint64_t user = 0, question = 0;  // hashes of the user, and of the user with the chosen item
  bool valid = false, hit = false;
  // The preferred candidate is ranked first; of n candidates in equal place each counts 1 / n. No value: not ranked.
  std::optional<float> ranked_first = {};
};
using Answers = std::vector<Answer>;  // one a row, rows rising

using AnswersOfTest = std::map<std::string, Answers>;  // by test: main, adherence, ..
using AnswersOfSystem = std::map<std::string, AnswersOfTest>;

// A later line replaces an earlier one of the same system, split and row. Rows of the test split are test main's; where
// the file has none, those of the validation split are. Throws kBadInput naming `source` and the line.
AnswersOfSystem parse_predictions(const std::string& jsonl, const std::string& source);

// A line of examples.jsonl: an example question in words.
struct Question {
  std::int64_t row = 0;
  std::vector<std::string> history = {};  // titles, oldest first, with ratings behind
  std::size_t num_candidates = 0;
};
std::vector<Question> parse_examples(const std::string& jsonl, const std::string& source);  // kBadInput

// What a system answered to a row, in words.
struct AnswerText {
  std::string answer, chosen;  // chosen: the right answer
  bool valid = false, hit = false;
  std::optional<double> chosen_rank = {};  // mean over ties
};
// Of test main in a run folder's predictions.jsonl, by system, then row. Throws kBadInput.
std::map<std::string, std::map<std::int64_t, AnswerText>> read_answer_texts(const std::filesystem::path& run_folder,
                                                                            const std::vector<std::int64_t>& rows);

struct RunFolder {
  std::filesystem::path path;
  std::string name;                    // for readers: the path without what all folders have in common
  std::vector<SystemMetrics> systems;  // empty before the first evaluation
  AnswersOfSystem answers;             // empty without predictions.jsonl
  std::optional<Preparation> preparation;
  std::vector<Question> questions;  // examples.jsonl
  std::string note;                 // note.txt: report.note of its deck
  std::string default_dataset;      // where neither settings nor prepare.json name one
};

// Folders with an evaluation.json: the roots themselves, and those in them at any depth; links are not followed. Each
// once, in the order of the roots, sorted within. A root that is a run without an evaluation yet counts. Throws
// kBadInput for a root that holds none.
std::vector<std::filesystem::path> find_run_folders(const std::vector<std::filesystem::path>& roots);

// A run has begun here: it has metrics.jsonl, prepare.json or evaluation.json.
bool has_results(const std::filesystem::path& path);

// evaluation.json, and predictions.jsonl, examples.jsonl, note.txt and prepare.json where they are. Throws kBadInput
// naming file and key; without evaluation.json unless the run is begun.
RunFolder read_run_folder(const std::filesystem::path& path);
std::vector<RunFolder> read_run_folders(const std::vector<std::filesystem::path>& paths,
                                        const std::string& default_dataset = "");  // with names

}  // namespace recpo::report
