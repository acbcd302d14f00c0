// HR@1 = hits / rows.

#include "src/evaluation/metrics.hpp"

namespace recpo::evaluation {

extern const Metrics hit_rate;
const Metrics hit_rate = {{.name = "hr@1", .label = "HR@1", .order = 10, .of = &Outcomes::hit_rate}};

}  // namespace recpo::evaluation
