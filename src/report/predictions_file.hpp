#pragma once
// predictions.jsonl: which rows each system answered, and how. Compact, because a study holds many of them.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace recpo::report {

struct Answer {
  std::int64_t row = 0;
  std::uint64_t user = 0, question = 0;  // hashes of the user, and of the user with the chosen item
  bool valid = false, hit = false;
};
using Answers = std::vector<Answer>;  // one a row, rows rising

struct SystemAnswers {
  Answers main, adherence, avoidance;
};
using AnswersOfSystem = std::map<std::string, SystemAnswers>;

// A later line replaces an earlier one of the same system, split and row. `main` holds rows of the test split; where
// the file has none, of the validation split. Throws kBadInput naming `source` and the line.
AnswersOfSystem parse_predictions(const std::string& jsonl, const std::string& source);

}  // namespace recpo::report
