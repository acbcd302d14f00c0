// RecPO: S-DPO with a margin for each negative by the items' utilities (paper eq. 8 with the sign that was trained):
//   log(1 + sum_k exp(h_k - h_0 + gamma_k)),   h_k = beta (logp_k - ref_k),   gamma_k of margin.hpp
// The other places of the margin, for study: eq. 8 as printed subtracts gamma_k, eq. 15 adds the sum of all.

#include "src/objective/margin.hpp"
#include "src/objective/objective.hpp"
#include "src/support/check.hpp"

namespace recpo::objective {
namespace {
void recpo_terms(const ObjectiveOptions& options, const PreferenceSet& set, std::size_t negatives, Terms& terms) {
  RECPO_REQUIRE(set.rating.size() > negatives && set.latency.size() > negatives);
  const auto phi = [&](std::size_t k) { return utility(set.rating[k], set.latency[k], options.alpha); };
  double sum = 0;
  for (std::size_t k = 1; k <= negatives; ++k) {
    const MarginValue value = margin(options.margin, options.lambda, phi(0), phi(k));
    terms.margin[k] = options.margin_form == MarginForm::kPrintedEq8 ? -value.gamma : value.gamma;
    sum += value.gamma;
    terms.floored_margins += value.floored;
  }
  if (options.margin_form != MarginForm::kListwiseEq15) return;
  for (std::size_t k = 1; k <= negatives; ++k) terms.margin[k] = sum;
}
}  // namespace

extern const Objective recpo;
const Objective recpo = {.name = "recpo",
                         .label = "RecPO",
                         .colour = "#d55e00",
                         .order = 90,
                         .reference = true,
                         .proposed = true,
                         .utilities = true,
                         .terms = recpo_terms,
                         .loss = log_sum_exp};

}  // namespace recpo::objective
