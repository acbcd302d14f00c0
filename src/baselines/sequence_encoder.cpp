#include "src/baselines/sequence_encoder.hpp"

#include <cmath>

namespace recpo::baselines {

// Of unit length on average, so that a score of a normalized state begins of order one.
ParameterSpec item_table(const ModelShape& shape, const std::string& name) {
  return {name, shape.items, shape.hidden, Fill::kNormal, 1 / std::sqrt(static_cast<double>(shape.hidden))};
}

}  // namespace recpo::baselines
