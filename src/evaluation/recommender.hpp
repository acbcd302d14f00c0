#pragma once
// Whatever answers a row's question (history, candidates): language models and traditional recommenders alike.

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "src/data/rows.hpp"

namespace recpo::evaluation {

// What a system says to one question. Large language models answer in text and may give log-likelihoods of the
// candidates; baselines score the candidates and answer with the best one's title.
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

}  // namespace recpo::evaluation
