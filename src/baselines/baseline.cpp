#include "src/baselines/baseline.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "src/support/check.hpp"

namespace recpo::baselines {

#define RECPO_BASELINE(name) extern const Baseline name;
#include "baseline_list.inc"
#undef RECPO_BASELINE

const std::vector<const Baseline*>& baselines() {
  static const std::vector<const Baseline*> all = [] {
#define RECPO_BASELINE(name) &name,
    std::vector<const Baseline*> listed = {
#include "baseline_list.inc"
    };
#undef RECPO_BASELINE
    std::ranges::sort(listed, {}, &Baseline::order);
    return listed;
  }();
  return all;
}

std::vector<std::string> baseline_names() {
  std::vector<std::string> names;
  for (const Baseline* baseline : baselines()) names.emplace_back(baseline->name);
  return names;
}

const Baseline& find_baseline(const std::string& name) {
  for (const Baseline* baseline : baselines())
    if (name == baseline->name) return *baseline;
  throw_usage("baseline.model = \"{}\" is none of {}", name, fmt::join(baseline_names(), ", "));
}

namespace {
class RowRecommender final : public evaluation::Recommender {
 public:
  explicit RowRecommender(RowScores scores) : scores_(std::move(scores)) {}

  std::vector<evaluation::Answer> answer(std::span<const data::Row* const> rows, bool with_scores,
                                         const std::function<void()>& progress) override {
    std::vector<evaluation::Answer> answers;
    for (const data::Row* row : rows) {
      answers.push_back(best_answer(*row, scores_(*row), with_scores));
      progress();
    }
    return answers;
  }

 private:
  RowScores scores_;
};
}  // namespace

std::unique_ptr<evaluation::Recommender> make_row_recommender(RowScores scores) {
  return std::make_unique<RowRecommender>(std::move(scores));
}

evaluation::Answer best_answer(const data::Row& row, std::vector<double> scores, bool with_scores) {
  RECPO_REQUIRE(!scores.empty() && scores.size() == row.candidates.size());
  std::size_t best = 0;
  for (std::size_t c = 1; c < scores.size(); ++c)
    if (scores[c] > scores[best]) best = c;
  evaluation::Answer answer{row.candidates[best].title, {}};
  if (with_scores) answer.scores = std::move(scores);
  return answer;
}

}  // namespace recpo::baselines
