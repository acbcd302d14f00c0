// The most popular candidate: how often an item is the answer of a training row, or among the interactions it shows.

#include <unordered_map>

#include "src/baselines/baseline.hpp"

namespace recpo::baselines {
namespace {
std::unique_ptr<evaluation::Recommender> make_recommender(const UntrainedInputs& inputs) {
  std::unordered_map<std::string, std::int64_t> counts;
  for (const data::Row* row : inputs.rows.of_split(data::Split::kTrain)) {
    for (const data::HistoryItem& item : row->history) ++counts[item.item];
    ++counts[row->candidates[static_cast<std::size_t>(row->preferred)].item];
  }
  return make_row_recommender([counts = std::move(counts)](const data::Row& row) {
    std::vector<double> scores;
    for (const data::Candidate& candidate : row.candidates) {
      const auto found = counts.find(candidate.item);
      scores.push_back(found == counts.end() ? 0.0 : static_cast<double>(found->second));
    }
    return scores;
  });
}
}  // namespace

extern const Baseline popularity;
const Baseline popularity = {.name = "popularity",
                             .label = "Popularity",
                             .colour = "#6b6b3a",
                             .order = 40,
                             .make_recommender = make_recommender,
                             .reference_point = ReferencePoint::kHeuristic};

}  // namespace recpo::baselines
