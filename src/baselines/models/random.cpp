// Any candidate, uniformly: the draw is a function of the seed and the row.

#include "src/support/random.hpp"

#include "src/baselines/baseline.hpp"

namespace recpo::baselines {
namespace {
std::unique_ptr<evaluation::Recommender> make_recommender(const UntrainedInputs& inputs) {
  return make_row_recommender([seed = inputs.seed](const data::Row& row) {
    Random draws(seed, "baseline random", static_cast<std::uint64_t>(row.id));
    std::vector<double> scores(row.candidates.size());
    for (double& score : scores) score = draws.uniform();
    return scores;
  });
}
}  // namespace

extern const Baseline random;
const Baseline random = {.name = "random",
                         .label = "Random",
                         .colour = "#bbbbbb",
                         .order = 50,
                         .make_recommender = make_recommender,
                         .reference_point = ReferencePoint::kChance};

}  // namespace recpo::baselines
