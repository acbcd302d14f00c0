#pragma once
// From log-probs of tokens to those of completions, from these to the gradient of a loss of preference sets
// (set_loss.hpp), and back to the tokens: what stands between the forward and the backward pass, so that nothing there
// waits for the host. Log-probs of completions are sums in double in a fixed order.

#include "src/support/views.hpp"

namespace recpo::kernels {

// logp[c] = sum of token_logp[target[i]] for i in [begin[c], begin[c + 1]), in that order.
// begin [C + 1], target [M], token_logp [M], logp [C] (assigned)
template <class T>
void completion_logp(const ExecSpace& exec, Vector<const int> begin, Vector<const int> target,
                     Vector<const T> token_logp, Vector<double> logp);

// d_token_logp[m] = d_logp[completion[m]]: completion [M], d_logp [C], d_token_logp [M] (assigned)
template <class T>
void completion_logp_backward(const ExecSpace& exec, Vector<const int> completion, Vector<const double> d_logp,
                              Vector<T> d_token_logp);

// Terms of S sets of C completions in all; set s has completions [begin[s], begin[s + 1]).
struct PreferenceSets {
  Vector<const int> begin;                        // [S + 1]
  Vector<const double> slope, reference, offset;  // [C]
  Vector<const double> answer_weight;             // [S]
};

// d_logp [C] (assigned) = scale * the gradient of the sum of the sets' losses at logp [C].
void preference_gradient(const ExecSpace& exec, const PreferenceSets& sets, double scale, Vector<const double> logp,
                         Vector<double> d_logp);

}  // namespace recpo::kernels
