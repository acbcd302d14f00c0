#pragma once
// kernels/gemm.hpp by the definition, in fp64 on row-major arrays without padding; also the sum of the magnitudes that
// enter each element, which bounds the rounding of any order of summation.

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/gemm.hpp"

namespace recpo::kernels::reference {

struct GemmResult {
  std::vector<double> c, magnitude;  // [m, n]
};

// a [m, k] or [k, m] where transposed, b [k, n] or [n, k]; c [m, n]. With beta = 0, c is not read.
inline GemmResult gemm(Op op_a, Op op_b, std::int64_t m, std::int64_t n, std::int64_t k, double alpha,
                       const std::vector<double>& a, const std::vector<double>& b, double beta,
                       const std::vector<double>& c) {
  GemmResult result{std::vector<double>(m * n, 0.0), std::vector<double>(m * n, 0.0)};
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0, magnitude = 0;
      for (std::int64_t l = 0; l < k; ++l) {
        const double term =
            a[op_a == Op::kTranspose ? l * m + i : i * k + l] * b[op_b == Op::kTranspose ? j * k + l : l * n + j];
        sum += term;
        magnitude += std::abs(term);
      }
      const double before = beta == 0 ? 0 : beta * c[i * n + j];
      result.c[i * n + j] = alpha * sum + before;
      result.magnitude[i * n + j] = std::abs(alpha) * magnitude + std::abs(before);
    }
  }
  return result;
}

}  // namespace recpo::kernels::reference
