// Any candidate, uniformly: the draw is a function of the seed and the row.

#include "src/support/random.hpp"

#include "src/baselines/baseline.hpp"

namespace recpo::baselines {
namespace {

class AnyCandidate final : public evaluation::Recommender {
 public:
  explicit AnyCandidate(std::uint64_t seed) : seed_(seed) {}

  std::vector<evaluation::Answer> answer(std::span<const data::Row* const> rows, bool with_scores,
                                         const std::function<void()>& progress) override {
    std::vector<evaluation::Answer> answers;
    for (const data::Row* row : rows) {
      Random draws(seed_, "baseline random", static_cast<std::uint64_t>(row->id));
      std::vector<double> scores;
      for (std::size_t c = 0; c < row->candidates.size(); ++c) scores.push_back(draws.uniform());
      answers.push_back(best_answer(*row, std::move(scores), with_scores));
      progress();
    }
    return answers;
  }

 private:
  std::uint64_t seed_;
};

std::unique_ptr<evaluation::Recommender> make_recommender(const UntrainedInputs& inputs) {
  return std::make_unique<AnyCandidate>(inputs.seed);
}
}  // namespace

extern const Baseline random;
const Baseline random = {"random", nullptr, make_recommender};

}  // namespace recpo::baselines
