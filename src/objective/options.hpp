#pragma once
// Keys of a deck's section [align] that say which loss is minimized.

#include <string>
#include <vector>

#include "src/support/keys.hpp"

namespace recpo::objective {

std::vector<std::string> objective_names();
std::vector<std::string> margin_names();
// Keys that objectives declare in their own files; their values are in ObjectiveOptions::own.
const std::vector<const PartKey*>& objective_keys();

enum class MarginForm : std::uint8_t { kPairwise, kPrintedEq8, kListwiseEq15 };
constexpr auto names_of(MarginForm) { return std::array{"pairwise", "printed-eq8", "listwise-eq15"}; }

struct ObjectiveOptions {
  std::string objective = "recpo";
  double beta = 1.0, lambda = 2.0, alpha = 0.5;
  std::string margin = "ratio";
  MarginForm margin_form = MarginForm::kPairwise;
  double sft_weight = 0.0;
  PartValues own = {};

  void declare(Keys& key) {
    key("objective", objective, "loss of the alignment").one_of(objective_names());
    key("beta", beta, "scale of the rewards: beta (log pi - log pi_ref)").above(0);
    key("lambda", lambda, "weight of the margin; 0 makes recpo s-dpo").at_least(0);
    key("alpha", alpha, "exponent of the latency: utility of an item = rating / latency^alpha")
        .between(0, 100)
        .affects(changes::kRows | changes::kAlign);
    key("margin", margin, "margin between the utilities of recpo").one_of(margin_names());
    key("margin_form", margin_form, "where the margin enters; the last two are for study");
    key("sft_weight", sft_weight, "weight of the preferred answer's SFT loss, added to the objective (TRL: rpo_alpha)")
        .at_least(0);
    for (const PartKey* part : objective_keys()) key.part(*part, own);
  }
};

}  // namespace recpo::objective
