#include "src/support/check.hpp"
#include "src/train/step.hpp"

namespace recpo::train {

SampleGradient sft_gradient(std::span<const double> logp) {
  SampleGradient result;
  result.d_logp = {-1.0};
  result.metrics.loss = -logp.front();
  result.metrics.chosen_logp = logp.front();
  return result;
}

SampleGradient preference_gradient(const objective::ObjectiveOptions& options, const Sample& sample,
                                   std::span<const double> logp, const ReferenceLogps& reference) {
  objective::PreferenceSet set;
  set.logp = logp;
  set.length = sample.length;
  set.rating = sample.rating;
  set.latency = sample.latency;
  if (objective::needs_reference(options)) {
    const auto found = reference.find(sample.row->id);
    RECPO_REQUIRE(found != reference.end() && found->second.size() >= logp.size());
    set.reference_logp = std::span(found->second).first(logp.size());
  }
  objective::SetResult evaluated = objective::evaluate_set(options, set);

  SampleGradient result;
  SampleMetrics& m = result.metrics;
  m.loss = evaluated.loss;
  m.chosen_reward = evaluated.reward.front();
  m.chosen_logp = logp.front();
  m.floored_margins = evaluated.floored_margins;
  const auto dispreferred = static_cast<double>(logp.size() - 1);
  for (std::size_t k = 1; k < logp.size(); ++k) {
    m.rejected_reward += evaluated.reward[k] / dispreferred;
    m.rejected_logp += logp[k] / dispreferred;
    m.accuracy += (evaluated.reward[0] > evaluated.reward[k] ? 1.0 : 0.0) / dispreferred;
  }
  result.d_logp = std::move(evaluated.d_logp);
  return result;
}

}  // namespace recpo::train
