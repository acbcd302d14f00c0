#pragma once
// Objectives of one preference set: (reference log-probs, lengths, ratings, latencies) -> the terms of its loss as a
// function of the policy's log-probs, in double. They know no tokens, tensors or ranks. Completion 0 is the preferred
// one. Loss and gradient of any terms are kernels/set_loss.hpp: one function for all objectives, on host and device.
//   h_k = beta (logp_k - ref_k)
//   dpo    softplus(h_1 - h_0)
//   simpo  softplus(beta logp_1/|y_1| - beta logp_0/|y_0| + simpo_margin)
//   s-dpo  log(1 + sum_k exp(h_k - h_0))
//   recpo  log(1 + sum_k exp(h_k - h_0 + gamma_k))          (paper eq. 8 with the sign that was trained)
//   SFT    -logp_0
// The first four may carry an SFT term besides, sft_weight (-logp_0 / |y_0|): the preferred answer itself stays likely,
// not only likelier than the others.

#include <span>
#include <string>
#include <vector>

namespace recpo::objective {

struct ObjectiveOptions {
  std::string objective = "recpo";  // dpo | simpo | s-dpo | recpo
  double beta = 1.0, lambda = 2.0, alpha = 0.5;
  std::string margin = "ratio";          // ratio | log-ratio | log-diff | log-diff-printed
  std::string margin_form = "pairwise";  // pairwise | printed-eq8 | listwise-eq15
  double simpo_margin = 2.0;
  double sft_weight = 0.0;
};
void check(const ObjectiveOptions& options);  // throws kUsage naming the key and the choices

// What is known of one set besides tokens. All spans have 1 + K entries.
struct PreferenceSet {
  std::span<const double> reference_logp;   // empty for simpo
  std::span<const int> length;              // completion tokens, end token included
  std::span<const double> rating, latency;  // defaults filled in for items without feedback; for recpo
};

// The loss of one set but for the policy's log-probs: log(1 + sum_k exp(reward_k - reward_0 + offset_k)) -
// answer_weight logp_0 with reward_k = slope_k (logp_k - reference_k). Negatives that take no part have offset -inf.
struct Terms {
  std::vector<double> slope, reference, offset;  // [1 + K]
  double answer_weight = 0;
  int floored_margins = 0;  // margins whose logarithm's argument was floored

  std::size_t completions() const { return slope.size(); }
};

struct SetResult {
  double loss = 0;
  std::vector<double> d_logp;  // [1 + K] d loss / d logp
  std::vector<double> reward;  // [1 + K] h_k (simpo: beta logp_k / |y_k|)
};

// Number of dispreferred answers the objective uses of the K drawn (dpo and simpo: 1).
int negatives_used(const ObjectiveOptions& options, int negatives);
bool needs_reference(const ObjectiveOptions& options);

Terms preference_terms(const ObjectiveOptions& options, const PreferenceSet& set);
Terms sft_terms();  // of one completion

// logp [1 + K] of the policy.
SetResult evaluate(const Terms& terms, std::span<const double> logp);

}  // namespace recpo::objective
