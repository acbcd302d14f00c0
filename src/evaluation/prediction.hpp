#pragma once
// One judged answer, and all of them for a system.

#include <cstdint>
#include <string>
#include <vector>

#include "src/data/rows.hpp"
#include "src/evaluation/options.hpp"
#include "src/evaluation/recommender.hpp"
#include "src/parallel/communicator.hpp"

namespace recpo::evaluation {

struct Prediction {
  std::int64_t row = 0;
  data::Split split = data::Split::kTest;
  std::string user, answer, chosen;  // answer trimmed; chosen: the preferred candidate's title
  bool valid = false;
  // The preferred candidate was named; in an avoidance row, where it is the item to avoid: another one was.
  bool hit = false;
  std::int32_t history_length = 0;
  std::int32_t chosen_rank = 0;  // 1 = best, of the preferred candidate by score; 0 = not ranked
  std::int32_t candidates = 0;
};

Prediction judge(const data::Row& row, const Answer& answer, const std::string& match);

// Collective over `dp`: rows are packed by length into groups of at most batch_tokens tokens, whatever the number of
// ranks, and the groups dealt out, so that a prediction does not depend on it. Every rank returns all predictions in
// row order. `title` heads the progress bar, "evaluate sft".
std::vector<Prediction> predict(Recommender& recommender, const data::RowFile& rows, const EvaluationOptions& options,
                                const std::string& title, parallel::Communicator& dp);

// One JSONL line a prediction, newline included. Bytes that are not UTF-8 (an answer may
// end inside a character) become U+FFFD.
std::string prediction_line(const Prediction& prediction, const std::string& model);

}  // namespace recpo::evaluation
