// ValidRatio = valid answers / rows.

#include "src/evaluation/metrics.hpp"

namespace recpo::evaluation {

extern const Metrics valid_ratio;
const Metrics valid_ratio = {{.name = "valid_ratio", .label = "ValidRatio", .order = 20, .of = &Outcomes::valid_ratio}};

}  // namespace recpo::evaluation
