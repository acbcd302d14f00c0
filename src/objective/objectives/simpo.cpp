// SimPO (Meng et al. 2024) against the first of the drawn negatives, without a reference:
//   softplus(beta logp_1 / |y_1| - beta logp_0 / |y_0| + simpo_margin)

#include "src/objective/objective.hpp"

namespace recpo::objective {
namespace {
constexpr PartKey kKeys[] = {{.name = "simpo_margin", .fallback = 2.0, .help = "target margin of simpo"}};
constexpr const PartKey& kMargin = kKeys[0];

void simpo_terms(const ObjectiveOptions& options, const PreferenceSet& set, std::size_t negatives, Terms& terms) {
  for (std::size_t k = 0; k < set.length.size(); ++k) terms.reward_scale[k] = options.beta / set.length[k];
  for (std::size_t k = 1; k <= negatives; ++k) terms.margin[k] = kMargin(options.own);
}
}  // namespace

extern const Objective simpo;
const Objective simpo = {.name = "simpo",
                         .label = "SimPO",
                         .colour = "#56b4e9",
                         .order = 20,
                         .most_negatives = 1,
                         .keys = kKeys,
                         .terms = simpo_terms,
                         .loss = log_sum_exp};

}  // namespace recpo::objective
