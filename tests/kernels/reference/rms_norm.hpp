#pragma once
// RMSNorm of kernels/norm.hpp by the formula, in fp64 on row-major arrays; a backward adds as the kernel does.

#include <cmath>
#include <vector>

namespace recpo::kernels::reference {

inline void rms_norm_forward(int tokens, int hidden, const std::vector<double>& x, const std::vector<double>& weight,
                             double eps, std::vector<double>& y, std::vector<double>& inverse_rms) {
  for (int t = 0; t < tokens; ++t) {
    double squares = 0;
    for (int h = 0; h < hidden; ++h) squares += x[t * hidden + h] * x[t * hidden + h];
    inverse_rms[t] = 1 / std::sqrt(squares / hidden + eps);
    for (int h = 0; h < hidden; ++h) y[t * hidden + h] = x[t * hidden + h] * inverse_rms[t] * weight[h];
  }
}

inline void rms_norm_backward(int tokens, int hidden, const std::vector<double>& x, const std::vector<double>& weight,
                              const std::vector<double>& inverse_rms, const std::vector<double>& dy,
                              std::vector<double>& dx, std::vector<double>& d_weight) {
  for (int t = 0; t < tokens; ++t) {
    const double r = inverse_rms[t];
    double mean = 0;
    for (int h = 0; h < hidden; ++h) mean += dy[t * hidden + h] * weight[h] * x[t * hidden + h] / hidden;
    for (int h = 0; h < hidden; ++h) {
      const int i = t * hidden + h;
      dx[i] += r * (dy[i] * weight[h] - x[i] * r * r * mean);
      d_weight[h] += dy[i] * x[i] * r;
    }
  }
}

}  // namespace recpo::kernels::reference
