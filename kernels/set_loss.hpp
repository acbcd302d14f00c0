#pragma once
// Losses of preference sets with their gradients with respect to the policy's log-probs, in double, on host and device.
// A loss is a function object that both share,
//   KOKKOS_FUNCTION double operator()(const SetTerms& terms, const double* logp, double* d_logp) const;
// of one set: returns the loss and assigns d loss / d logp [1 + K]. Objectives define them (src/objective).

#include <functional>

#include "kernels/row.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

// Numbers of one set, [1 + K] each, the preferred completion first. A completion of margin -inf takes no part.
//   reward_k = reward_scale_k (logp_k - reference_k)
struct SetTerms {
  const double *reward_scale, *reference, *margin;
  double sft_weight;  // the loss includes - sft_weight logp_0
  int completions;    // 1 + K

  KOKKOS_INLINE_FUNCTION double reward(const double* logp, int k) const {
    return reward_scale[k] * (logp[k] - reference[k]);
  }
};

// Terms of S sets of C completions in all; set s has completions [begin[s], begin[s + 1]).
struct PreferenceSets {
  Vector<const int> begin;                               // [S + 1]
  Vector<const double> reward_scale, reference, margin;  // [C]
  Vector<const double> sft_weight;                       // [S]
};

// d_logp [C] (assigned) = scale * the gradient of the sum of the sets' losses at logp [C].
template <class Loss>
void preference_gradient(const ExecSpace& exec, const Loss& loss, const PreferenceSets& sets, double scale,
                         Vector<const double> logp, Vector<double> d_logp) {
  for_each_element(
      exec, "recpo::set_loss::preference_gradient", sets.sft_weight.extent(0), KOKKOS_LAMBDA(std::int64_t s) {
        const int first = sets.begin(s), completions = sets.begin(s + 1) - first;
        const SetTerms terms{sets.reward_scale.data() + first, sets.reference.data() + first,
                             sets.margin.data() + first, sets.sft_weight(s), completions};
        double* d = d_logp.data() + first;
        loss(terms, logp.data() + first, d);
        for (int k = 0; k < completions; ++k) d[k] *= scale;
      });
}

// A loss of any type, for callers that know none.
struct SetLoss {
  std::function<double(const SetTerms& terms, const double* logp, double* d_logp)> of_set;  // on the host
  std::function<void(const ExecSpace& exec, const PreferenceSets& sets, double scale, Vector<const double> logp,
                     Vector<double> d_logp)>
      gradient;  // preference_gradient
};

template <class Loss>
SetLoss set_loss(const Loss& loss) {
  return {loss, [loss](const ExecSpace& exec, const PreferenceSets& sets, double scale, Vector<const double> logp,
                       Vector<double> d_logp) { preference_gradient(exec, loss, sets, scale, logp, d_logp); }};
}

}  // namespace recpo::kernels
