// DPO (Rafailov et al. 2023) against the first of the drawn negatives:
//   softplus(h_1 - h_0),   h_k = beta (logp_k - ref_k)

#include "src/objective/objective.hpp"

namespace recpo::objective {

extern const Objective dpo;
const Objective dpo = {.name = "dpo",
                       .label = "DPO",
                       .colour = "#009e73",
                       .order = 10,
                       .most_negatives = 1,
                       .reference = true,
                       .loss = log_sum_exp};

}  // namespace recpo::objective
