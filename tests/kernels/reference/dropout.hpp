#pragma once
// Naive dropout in fp64; the same mask.

#include <vector>

#include "kernels/dropout.hpp"

namespace recpo::kernels::reference {

// x [T, H] row-major
inline std::vector<double> dropout(const std::vector<double>& x, const std::vector<int>& key, std::uint64_t salt,
                                   double probability, std::int64_t first_column) {
  const std::size_t width = x.size() / key.size();
  std::vector<double> y(x.size(), 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::uint64_t hash = dropout_hash(key[i / width], salt, first_column + static_cast<std::int64_t>(i % width));
    if (static_cast<double>(hash >> 11) * 0x1.0p-53 >= probability) y[i] = x[i] / (1 - probability);
  }
  return y;
}

}  // namespace recpo::kernels::reference
