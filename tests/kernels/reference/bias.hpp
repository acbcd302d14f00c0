#pragma once
// kernels/bias.hpp by the definition, in fp64 on row-major arrays.

#include <algorithm>
#include <vector>

namespace recpo::kernels::reference {

inline void bias_forward(const std::vector<double>& bias, bool rectified, std::vector<double>& y) {
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] += bias[i % bias.size()];
    if (rectified) y[i] = std::max(y[i], 0.0);
  }
}

inline void relu_backward(const std::vector<double>& y, std::vector<double>& dy) {
  for (std::size_t i = 0; i < y.size(); ++i) dy[i] = y[i] > 0 ? dy[i] : 0;
}

inline void bias_backward(const std::vector<double>& dy, std::vector<double>& d_bias) {
  for (std::size_t i = 0; i < dy.size(); ++i) d_bias[i % d_bias.size()] += dy[i];
}

}  // namespace recpo::kernels::reference
