#pragma once
// kernels/embedding.hpp by the definition, in fp64 on row-major arrays; the backward needs no groups here.

#include <vector>

namespace recpo::kernels::reference {

inline void embedding_forward(int hidden, const std::vector<int>& tokens, const std::vector<double>& table,
                              std::vector<double>& out) {
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    for (int h = 0; h < hidden; ++h) out[t * hidden + h] = table[tokens[t] * hidden + h];
  }
}

inline void embedding_backward(int hidden, const std::vector<int>& tokens, const std::vector<double>& d_out,
                               std::vector<double>& d_table) {
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    for (int h = 0; h < hidden; ++h) d_table[tokens[t] * hidden + h] += d_out[t * hidden + h];
  }
}

}  // namespace recpo::kernels::reference
