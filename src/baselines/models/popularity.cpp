// The most popular candidate: how often an item is the answer of a training row, or among the interactions it shows.

#include <unordered_map>

#include "src/baselines/baseline.hpp"

namespace recpo::baselines {
namespace {

class Popularity final : public evaluation::Recommender {
 public:
  explicit Popularity(const data::RowFile& rows) {
    for (const data::Row* row : rows.of_split(data::Split::kTrain)) {
      for (const data::HistoryItem& item : row->history) ++counts_[item.item];
      ++counts_[row->candidates[static_cast<std::size_t>(row->preferred)].item];
    }
  }

  std::vector<evaluation::Answer> answer(std::span<const data::Row* const> rows, bool with_scores,
                                         const std::function<void()>& progress) override {
    std::vector<evaluation::Answer> answers;
    for (const data::Row* row : rows) {
      std::vector<double> scores;
      for (const data::Candidate& candidate : row->candidates) {
        const auto found = counts_.find(candidate.item);
        scores.push_back(found == counts_.end() ? 0.0 : static_cast<double>(found->second));
      }
      answers.push_back(best_answer(*row, std::move(scores), with_scores));
      progress();
    }
    return answers;
  }

 private:
  std::unordered_map<std::string, std::int64_t> counts_;
};

std::unique_ptr<evaluation::Recommender> make_recommender(const UntrainedInputs& inputs) {
  return std::make_unique<Popularity>(inputs.rows);
}
}  // namespace

extern const Baseline popularity;
const Baseline popularity = {"popularity", nullptr, make_recommender};

}  // namespace recpo::baselines
