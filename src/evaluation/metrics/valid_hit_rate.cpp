// HR@1 over the rows with a valid answer.

#include "src/evaluation/metrics.hpp"

namespace recpo::evaluation {

extern const Metrics valid_hit_rate;
const Metrics valid_hit_rate = {
    {.name = "hr@1_valid", .label = "HR@1 valid", .order = 30, .of = &Outcomes::valid_hit_rate}};

}  // namespace recpo::evaluation
