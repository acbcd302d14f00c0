#pragma once
// kernels/sequence_logp.hpp by the formula, in fp64: logits [rows, width], columns from vocab on are padding.

#include <algorithm>
#include <cmath>
#include <vector>

namespace recpo::kernels::reference {

inline void sequence_logp_forward(int rows, int width, const std::vector<double>& logits, int vocab,
                                  const std::vector<int>& target_begin, const std::vector<int>& target_token,
                                  std::vector<double>& lse, std::vector<double>& token_logp) {
  for (int r = 0; r < rows; ++r) {
    const double* row = &logits[r * width];
    const double largest = *std::max_element(row, row + vocab);
    double sum = 0;
    for (int v = 0; v < vocab; ++v) sum += std::exp(row[v] - largest);
    lse[r] = largest + std::log(sum);
    for (int m = target_begin[r]; m < target_begin[r + 1]; ++m) token_logp[m] = row[target_token[m]] - lse[r];
  }
}

inline void sequence_logp_backward(int rows, int width, const std::vector<double>& logits, int vocab,
                                   const std::vector<int>& target_begin, const std::vector<int>& target_token,
                                   const std::vector<double>& lse, const std::vector<double>& d_token_logp,
                                   std::vector<double>& d_logits) {
  d_logits.assign(logits.size(), 0.0);
  for (int r = 0; r < rows; ++r) {
    for (int m = target_begin[r]; m < target_begin[r + 1]; ++m) {
      for (int v = 0; v < vocab; ++v) {
        d_logits[r * width + v] -= d_token_logp[m] * std::exp(logits[r * width + v] - lse[r]);
      }
      d_logits[r * width + target_token[m]] += d_token_logp[m];
    }
  }
}

// The first of the largest; for rows without NaN.
inline std::vector<int> argmax_rows(int rows, int width, const std::vector<double>& logits, int vocab) {
  std::vector<int> index(rows);
  for (int r = 0; r < rows; ++r) {
    const double* row = &logits[r * width];
    index[r] = static_cast<int>(std::max_element(row, row + vocab) - row);
  }
  return index;
}

}  // namespace recpo::kernels::reference
