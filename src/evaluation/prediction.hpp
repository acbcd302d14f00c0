#pragma once
// Recommenders answer rows' questions (history, candidates); their answers are judged against the candidates' titles.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/data/rows.hpp"
#include "src/evaluation/options.hpp"

namespace recpo::parallel {
class Communicator;
}

namespace recpo::evaluation {

// Language models answer in text, and may give log-probs of the candidates; baselines score the candidates and answer
// with the best one's title.
struct Answer {
  std::string text;
  std::vector<double> scores;  // [candidates] or empty; larger is better
};

class Recommender {
 public:
  virtual ~Recommender() = default;
  // One answer a row, in order; `progress` is called once a row done. Not collective.
  virtual std::vector<Answer> answer(std::span<const data::Row* const> rows, bool with_scores,
                                     const std::function<void()>& progress) = 0;
};

// The preferred candidate among all by score, 1 = best. Those of equal score share their places, first to last.
struct Ranking {
  std::int32_t first = 0, last = 0, candidates = 0;
  double log_softmax = 0;  // of its score, over the candidates
};
// Throws kNumerics for a score that is not finite; `scores` has one a candidate.
Ranking rank_candidates(const data::Row& row, std::span<const double> scores);

struct Prediction {
  std::int64_t row = 0;
  data::Split split = data::Split::kTest;
  std::string user, answer, chosen;  // answer trimmed; chosen: the preferred candidate's title
  bool valid = false;
  // The preferred candidate was named; in an avoidance row, where it is the item to avoid: another one was.
  bool hit = false;
  std::int32_t history_length = 0;
  std::int32_t candidates = 0;
  std::optional<Ranking> ranking;  // where there are scores
};

std::string trim(std::string_view text);  // without white space (ASCII) at both ends

// Index of the candidate that an answer names; nullopt: no valid answer.
//   exact     the trimmed text equals one candidate's title
//   contains  exactly one candidate's title occurs in the text
std::optional<std::size_t> named_candidate(std::string_view answer, std::span<const data::Candidate> candidates,
                                           Match match);
// Throws kNumerics for a score that is not finite.
Prediction judge(const data::Row& row, const Answer& answer, Match match);

// Collective over `dp`: rows are packed by length into groups of at most batch_tokens tokens, for any number of
// ranks, and the groups distributed, so that a prediction does not depend on it. Every rank returns all predictions in
// row order. `title` heads the progress bar, "evaluate sft".
std::vector<Prediction> predict(Recommender& recommender, const data::RowFile& rows, const EvaluationOptions& options,
                                const std::string& title, parallel::Communicator& dp);

// One JSONL line, newline included. Bytes that are not UTF-8 (an answer may end inside a character) become U+FFFD.
std::string prediction_line(const Prediction& prediction, const std::string& model);

}  // namespace recpo::evaluation
