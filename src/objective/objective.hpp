#pragma once
// Objectives of one preference set: (reference log-probs, lengths, ratings, latencies) -> the terms of its loss as a
// function of the policy's log-probs, and that loss. They know no tokens, tensors or ranks. Completion 0 is the
// preferred one, 1 to K are the dispreferred ones.
//
// An objective is one file in objectives/ that defines an `Objective` under its file's name; the build lists them,
// nothing else is to be edited:
//
//   const Objective dpo = {.name = "dpo", .label = "DPO", .colour = "#009e73", .order = 10, .most_negatives = 1,
//                          .reference = true, .loss = log_sum_exp};

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/objective/options.hpp"

namespace recpo::kernels {
struct SetLoss;
}

namespace recpo::objective {

// Data of one set other than its tokens. All spans have 1 + K entries.
struct PreferenceSet {
  std::span<const double> reference_logp;   // empty for objectives without a reference
  std::span<const int> length;              // completion tokens, end token included
  std::span<const double> rating, latency;  // of items without feedback the defaults
};

// What kernels::SetTerms says of a set, in memory of its own.
struct Terms {
  std::vector<double> reward_scale, reference, margin;  // [1 + K]
  double sft_weight = 0;
  int floored_margins = 0;  // margins of which an argument was floored (margin.hpp)

  std::size_t completions() const { return reward_scale.size(); }
};

inline constexpr int kAllNegatives = std::numeric_limits<int>::max();

struct Objective {
  const char* name;                    // align.objective, and the system's in evaluation.json
  const char* label;                   // in tables and figures
  const char* colour;                  // in figures
  int order;                           // of choices, rows of tables and bars: rising
  int most_negatives = kAllNegatives;  // of the K drawn that it uses, the first ones
  bool reference = false;              // reads log-probs of a reference model
  const char* extends = "";            // another objective that reports compare it with
  bool proposed = false;               // reports compare it with every other system
  bool utilities = false;              // reads ratings, latencies and the keys of the margin between utilities
  std::span<const PartKey> keys = {};  // of [align] that are its own
  // Changes plain terms (preference_terms) to its own, of the preferred and so many negatives; nullptr: they are.
  void (*terms)(const ObjectiveOptions& options, const PreferenceSet& set, std::size_t negatives,
                Terms& terms) = nullptr;
  kernels::SetLoss (*loss)(const ObjectiveOptions& options);  // log_sum_exp, or its own
};

const std::vector<const Objective*>& objectives();         // in their order
const Objective& find_objective(const std::string& name);  // kUsage, with the choices, when there is none
void check(const ObjectiveOptions& options);               // throws kUsage naming the key and what is right

// Number of dispreferred answers the objective uses of the K drawn.
int negatives_used(const ObjectiveOptions& options, int negatives);
bool needs_reference(const ObjectiveOptions& options);
// Whether a key of [align] or [data], "align.lambda", may change what is trained: false for those of parts that the
// objective does not have, such as the margin between utilities or another objective's own keys.
bool reads(const Objective& objective, std::string_view key);

// Whether a key, "align.beta", shapes the loss of some objective: what two objectives may differ in and still be
// compared. The weight of an SFT loss beside it does not count.
bool is_own_key(std::string_view key);

// Plain terms are rewards beta (logp - reference), where the objective has a reference, or beta logp; no margins, -inf
// for negatives that are not used; the SFT term sft_weight (-logp_0 / length_0). The objective changes them to its own.
Terms preference_terms(const ObjectiveOptions& options, const PreferenceSet& set);
kernels::SetLoss preference_loss(const ObjectiveOptions& options);

// Supervised fine-tuning as a set of one completion: -logp_0.
Terms sft_terms();
kernels::SetLoss sft_loss();

struct SetResult {
  double loss = 0;
  std::vector<double> d_logp;  // [1 + K] d loss / d logp
  std::vector<double> reward;  // [1 + K]
};
// logp [1 + K] of the policy. On the host.
SetResult evaluate(const kernels::SetLoss& loss, const Terms& terms, std::span<const double> logp);

// The loss that DPO's family shares (kernels/set_loss.hpp):
//   log(1 + sum_{k > 0} exp(reward_k - reward_0 + margin_k)) - sft_weight logp_0
kernels::SetLoss log_sum_exp(const ObjectiveOptions& options);

}  // namespace recpo::objective
