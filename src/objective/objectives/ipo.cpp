// IPO (Azar et al. 2023), mean over the negatives: the log-ratio difference of each pair is drawn to 1 / (2 beta).
//   1/K sum_k (d_0 - d_k - 1 / (2 beta))^2,   d_k = logp_k - ref_k
// The logged rewards are beta d_k.

#include "kernels/set_loss.hpp"
#include "src/objective/objective.hpp"

namespace recpo::objective {

// margin_k is the target of the difference.
struct SquaredDifference {
  KOKKOS_INLINE_FUNCTION double operator()(const kernels::SetTerms& terms, const double* logp, double* d_logp) const {
    const double preferred = logp[0] - terms.reference[0], pairs = terms.completions - 1;
    double loss = 0, sum = 0;
    for (int k = 1; k < terms.completions; ++k) {
      const double excess = preferred - (logp[k] - terms.reference[k]) - terms.margin[k];
      loss += excess * excess / pairs;
      d_logp[k] = -2 * excess / pairs;
      sum += d_logp[k];
    }
    d_logp[0] = -sum - terms.sft_weight;
    return loss - terms.sft_weight * logp[0];
  }
};

namespace {
void ipo_terms(const ObjectiveOptions& options, const PreferenceSet&, std::size_t negatives, Terms& terms) {
  for (std::size_t k = 1; k <= negatives; ++k) terms.margin[k] = 1 / (2 * options.beta);
}
}  // namespace

extern const Objective ipo;
const Objective ipo = {.name = "ipo",
                       .label = "IPO",
                       .colour = "#8c564b",
                       .order = 15,
                       .reference = true,
                       .terms = ipo_terms,
                       .loss = [](const ObjectiveOptions&) { return kernels::set_loss(SquaredDifference()); }};

}  // namespace recpo::objective
