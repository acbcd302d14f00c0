// The best possible answers to questions about the made-up world (src/data/synthetic/posterior.hpp): no system can be
// right more often, but by luck. Says how often they will be right.

#include <cmath>

#include "src/baselines/baseline.hpp"
#include "src/data/synthetic/posterior.hpp"
#include "src/support/log.hpp"

namespace recpo::baselines {
namespace {

class Bayes final : public evaluation::Recommender {
 public:
  explicit Bayes(const UntrainedInputs& inputs) : posterior_(inputs.data) {
    using enum data::Split;
    for (const data::Split split : {kValid, kTest, kAdherence, kAvoidance}) {
      const auto rows = inputs.rows.of_split(split);
      double expected = 0;
      for (const data::Row* row : rows) expected += posterior_.hit_chance(*row);
      if (!rows.empty())
        log::info("bayes: {} of {} {} rows expected to be hit: {:.4f}", std::llround(expected), rows.size(),
                  data::split_name(split), expected / static_cast<double>(rows.size()));
    }
  }

  std::vector<evaluation::Answer> answer(std::span<const data::Row* const> rows, bool with_scores,
                                         const std::function<void()>& progress) override {
    std::vector<evaluation::Answer> answers;
    for (const data::Row* row : rows) {
      answers.push_back(best_answer(*row, posterior_.scores(*row), with_scores));
      progress();
    }
    return answers;
  }

 private:
  data::SyntheticPosterior posterior_;
};

std::unique_ptr<evaluation::Recommender> make_recommender(const UntrainedInputs& inputs) {
  return std::make_unique<Bayes>(inputs);
}
}  // namespace

extern const Baseline bayes;
const Baseline bayes = {"bayes", nullptr, make_recommender};

}  // namespace recpo::baselines
