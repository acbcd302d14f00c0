#include "src/evaluation/prediction.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "src/evaluation/match.hpp"
#include "src/support/check.hpp"

namespace recpo::evaluation {
namespace {
// 1 = best. Equal scores: the earlier candidate first, as their order was drawn at random. A score that is no number
// loses against every number.
std::int32_t rank_of(const std::vector<double>& scores, std::size_t candidate) {
  const auto value = [&](std::size_t c) { return std::isnan(scores[c]) ? -INFINITY : scores[c]; };
  std::int32_t rank = 1;
  for (std::size_t c = 0; c < scores.size(); ++c)
    rank += value(c) > value(candidate) || (value(c) == value(candidate) && c < candidate);
  return rank;
}
}  // namespace

Prediction judge(const data::Row& row, const Answer& answer, const std::string& match) {
  const auto preferred = static_cast<std::size_t>(row.preferred);
  RECPO_REQUIRE(preferred < row.candidates.size());
  const auto named = named_candidate(answer.text, row.candidates, match);
  Prediction prediction;
  prediction.row = row.id;
  prediction.split = row.split;
  prediction.user = row.user;
  prediction.answer = trim(answer.text);
  prediction.chosen = row.candidates[preferred].title;
  prediction.valid = named.has_value();
  prediction.hit = named && (row.split == data::Split::kAvoidance) == (*named != preferred);
  prediction.history_length = row.history_length;
  prediction.candidates = static_cast<std::int32_t>(row.candidates.size());
  if (!answer.scores.empty()) {
    RECPO_REQUIRE(answer.scores.size() == row.candidates.size());
    prediction.chosen_rank = rank_of(answer.scores, preferred);
  }
  return prediction;
}

std::string prediction_line(const Prediction& prediction, const std::string& model) {
  nlohmann::ordered_json line = {{"row", prediction.row},
                                 {"split", data::split_name(prediction.split)},
                                 {"user", prediction.user},
                                 {"answer", prediction.answer},
                                 {"valid", prediction.valid},
                                 {"hit", prediction.hit},
                                 {"chosen", prediction.chosen},
                                 {"history_length", prediction.history_length},
                                 {"model", model}};
  if (prediction.chosen_rank > 0) line["chosen_rank"] = prediction.chosen_rank;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace recpo::evaluation
