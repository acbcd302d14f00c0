// S-DPO (Chen et al. 2024), all negatives against the preferred answer:
//   log(1 + sum_k exp(h_k - h_0)),   h_k = beta (logp_k - ref_k)

#include "src/objective/objective.hpp"

namespace recpo::objective {

extern const Objective s_dpo;
const Objective s_dpo = {.name = "s-dpo",
                         .label = "S-DPO",
                         .colour = "#0072b2",
                         .order = 30,
                         .reference = true,
                         .extends = "dpo",
                         .loss = log_sum_exp};

}  // namespace recpo::objective
