// The best possible answers to questions about synthetic data (src/data/synthetic.hpp): no system can be
// right more often, but by luck. Logs how often they are expected to be right.

#include <cmath>

#include "src/baselines/baseline.hpp"
#include "src/data/synthetic.hpp"
#include "src/support/log.hpp"

namespace recpo::baselines {
namespace {
void log_expected_hits(const data::SyntheticPosterior& posterior, const data::RowFile& file) {
  using enum data::Split;
  for (const data::Split split : {kValid, kTest, kAdherence, kAvoidance}) {
    const auto rows = file.of_split(split);
    double expected = 0;
    for (const data::Row* row : rows) expected += posterior.hit_chance(*row);
    if (!rows.empty())
      log::info("bayes: {} of {} {} rows expected to be hit: {:.4f}", std::llround(expected), rows.size(),
                name_of(split), expected / static_cast<double>(rows.size()));
  }
}

std::unique_ptr<evaluation::Recommender> make_recommender(const UntrainedInputs& inputs) {
  const auto posterior = std::make_shared<const data::SyntheticPosterior>(inputs.data);
  log_expected_hits(*posterior, inputs.rows);
  return make_row_recommender([posterior](const data::Row& row) { return posterior->scores(row); });
}
}  // namespace

extern const Baseline bayes;
const Baseline bayes = {.name = "bayes",
                        .label = "Bayes",
                        .colour = "#333333",
                        .order = 60,
                        .make_recommender = make_recommender,
                        .reference_point = ReferencePoint::kBest};

}  // namespace recpo::baselines
