#pragma once
// What a tensor-parallel shard holds of a whole model's values.

#include <vector>

#include "src/model/parameter_store.hpp"

namespace recpo::test {

// The part of the whole model's values that a shard's parameter holds; zero in its padding.
inline std::vector<double> held_part(const std::vector<double>& whole, const model::Parameter& global,
                                     const model::Parameter& held) {
  std::vector<double> part(static_cast<std::size_t>(held.size()), 0.0);
  for (std::int64_t r = 0; r < held.valid_rows; ++r) {
    for (std::int64_t c = 0; c < held.columns(); ++c) {
      const std::int64_t place = global.offset + (held.row_begin + r) * global.global_columns() + held.column_begin + c;
      part[static_cast<std::size_t>(r * held.columns() + c)] = whole[static_cast<std::size_t>(place)];
    }
  }
  return part;
}

}  // namespace recpo::test
