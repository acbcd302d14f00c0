#pragma once
// kernels/reductions.hpp by the definition, in fp64.

#include <algorithm>
#include <cmath>
#include <vector>

namespace recpo::kernels::reference {

inline std::vector<double> square_sum_chunks(const std::vector<double>& x, std::size_t chunk) {
  std::vector<double> partial((x.size() + chunk - 1) / chunk, 0.0);
  for (std::size_t i = 0; i < x.size(); ++i) partial[i / chunk] += x[i] * x[i];
  return partial;
}

inline void gather_rows(int width, const std::vector<int>& rows, const std::vector<double>& x,
                        std::vector<double>& out) {
  for (std::size_t r = 0; r < rows.size(); ++r) std::copy_n(&x[rows[r] * width], width, &out[r * width]);
}

inline void scatter_add_rows(int width, const std::vector<int>& rows, const std::vector<double>& y,
                             std::vector<double>& x) {
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (int i = 0; i < width; ++i) x[rows[r] * width + i] += y[r * width + i];
  }
}

// The nearest value of 8 binary digits and of an exponent from -126 on (below, multiples of 2^-133); ties to even. From
// 2^128 on a conversion to float makes infinity of it.
inline double nearest_bfloat16(double x) {
  int exponent = 0;
  std::frexp(x, &exponent);  // |x| in [1/2, 1) 2^exponent
  const double unit = std::ldexp(1.0, std::max(exponent - 8, -133));
  return std::nearbyint(x / unit) * unit;
}

}  // namespace recpo::kernels::reference
