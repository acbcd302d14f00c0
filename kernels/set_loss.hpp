#pragma once
// Loss of a preference set and its gradient with respect to the policy's log-probs, in double, on host and device. All
// that an objective knows besides is in the set's terms (src/objective/objective.hpp has the forms):
//   reward_k = slope_k (logp_k - reference_k)
//   loss     = log(1 + sum_{k > 0} exp(reward_k - reward_0 + offset_k)) - answer_weight logp_0
// A completion of offset -inf takes no part.

#include <Kokkos_Core.hpp>

namespace recpo::kernels {

struct SetTerms {
  const double *slope, *reference, *offset;  // [1 + K], the preferred completion first
  double answer_weight;
  int completions;  // 1 + K

  KOKKOS_INLINE_FUNCTION double reward(const double* logp, int k) const { return slope[k] * (logp[k] - reference[k]); }
};

// logp [1 + K]; d_logp [1 + K] is assigned. The logarithm neither overflows nor loses small sums: the largest of {0, z}
// leaves it, and its own term, exactly 1, is log1p's. A NaN reaches the loss.
KOKKOS_INLINE_FUNCTION double set_loss(const SetTerms& terms, const double* logp, double* d_logp) {
  const double preferred = terms.reward(logp, 0);
  int largest = 0;  // 0 stands for the term 1
  double shift = 0;
  for (int k = 1; k < terms.completions; ++k) {
    const double z = terms.reward(logp, k) - preferred + terms.offset[k];
    d_logp[k] = z;
    if (z > shift) shift = z, largest = k;
  }
  double rest = largest == 0 ? 0.0 : Kokkos::exp(-shift);
  for (int k = 1; k < terms.completions; ++k) {
    d_logp[k] = Kokkos::exp(d_logp[k] - shift);
    if (k != largest) rest += d_logp[k];
  }
  double sum = 0;
  for (int k = 1; k < terms.completions; ++k) {
    const double weight = d_logp[k] / (1 + rest);
    sum += weight;
    d_logp[k] = terms.slope[k] * weight;
  }
  d_logp[0] = -terms.slope[0] * sum - terms.answer_weight;
  return shift + Kokkos::log1p(rest) - terms.answer_weight * logp[0];
}

}  // namespace recpo::kernels
