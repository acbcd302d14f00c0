#include "src/evaluation/prediction.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "src/support/check.hpp"
#include "src/text/utf8.hpp"

namespace recpo::evaluation {
Ranking rank_candidates(const data::Row& row, std::span<const double> scores) {
  RECPO_REQUIRE(scores.size() == row.candidates.size());
  const double own = scores[static_cast<std::size_t>(row.preferred)];
  Ranking ranking{1, 0, static_cast<std::int32_t>(scores.size())};
  double sum = 0;  // relative to the largest, which keeps the exponentials in range
  const double largest = *std::ranges::max_element(scores);
  for (std::size_t c = 0; c < scores.size(); ++c) {
    if (!std::isfinite(scores[c]))
      throw_error(ExitCode::kNumerics, "row {} (user {}): the score of candidate {} is {}", row.id,
                  text::excerpt(row.user), text::excerpt(row.candidates[c].title), scores[c]);
    ranking.first += scores[c] > own;
    ranking.last += scores[c] >= own;
    sum += std::exp(scores[c] - largest);
  }
  ranking.log_softmax = own - largest - std::log(sum);
  return ranking;
}

namespace {
// The mean over the places that it shares.
nlohmann::ordered_json mean_rank(const Ranking& ranking) {
  const std::int32_t sum = ranking.first + ranking.last;
  return sum % 2 == 0 ? nlohmann::ordered_json(sum / 2) : nlohmann::ordered_json(sum / 2.0);
}
}  // namespace

Prediction judge(const data::Row& row, const Answer& answer, Match match) {
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
  if (!answer.scores.empty()) prediction.ranking = rank_candidates(row, answer.scores);
  return prediction;
}

std::string prediction_line(const Prediction& prediction, const std::string& model) {
  nlohmann::ordered_json line = {{"row", prediction.row},
                                 {"split", name_of(prediction.split)},
                                 {"user", prediction.user},
                                 {"answer", prediction.answer},
                                 {"valid", prediction.valid},
                                 {"hit", prediction.hit},
                                 {"chosen", prediction.chosen},
                                 {"history_length", prediction.history_length},
                                 {"model", model}};
  if (prediction.ranking) {
    line["chosen_rank"] = mean_rank(*prediction.ranking);
    const std::int32_t tied = prediction.ranking->last - prediction.ranking->first + 1;
    if (tied > 1) line["chosen_tied"] = tied;  // candidates that share its places
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string trim(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";
  const auto first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(kWhiteSpace) - first + 1));
}

std::optional<std::size_t> named_candidate(std::string_view answer, std::span<const data::Candidate> candidates,
                                           Match match) {
  const bool contains = match == Match::kContains;
  const std::string said = trim(answer);
  std::optional<std::size_t> named;
  for (std::size_t c = 0; c < candidates.size(); ++c) {
    const std::string title = trim(candidates[c].title);
    if (title.empty() || (contains ? said.find(title) == std::string::npos : said != title)) continue;
    if (named) return std::nullopt;
    named = c;
  }
  return named;
}

}  // namespace recpo::evaluation
