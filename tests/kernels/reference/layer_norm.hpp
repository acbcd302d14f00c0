#pragma once
// Layer norm of kernels/norm.hpp by the formula, in fp64 on row-major arrays; a backward adds as the kernel does.

#include <cmath>
#include <vector>

namespace recpo::kernels::reference {

struct LayerNorm {
  std::vector<double> y, mean, inverse_deviation;
};

inline LayerNorm layer_norm_forward(int rows, int hidden, const std::vector<double>& x,
                                    const std::vector<double>& weight, const std::vector<double>& bias, double eps) {
  LayerNorm result{std::vector<double>(x.size()), std::vector<double>(rows), std::vector<double>(rows)};
  for (int t = 0; t < rows; ++t) {
    double mean = 0, variance = 0;
    for (int h = 0; h < hidden; ++h) mean += x[t * hidden + h] / hidden;
    for (int h = 0; h < hidden; ++h) variance += (x[t * hidden + h] - mean) * (x[t * hidden + h] - mean) / hidden;
    const double r = 1 / std::sqrt(variance + eps);
    for (int h = 0; h < hidden; ++h) {
      result.y[t * hidden + h] = (x[t * hidden + h] - mean) * r * weight[h] + bias[h];
    }
    result.mean[t] = mean;
    result.inverse_deviation[t] = r;
  }
  return result;
}

// From statistics that are given.
inline void layer_norm_backward(int rows, int hidden, const std::vector<double>& x, const std::vector<double>& weight,
                                const std::vector<double>& mean, const std::vector<double>& inverse_deviation,
                                const std::vector<double>& dy, std::vector<double>& dx, std::vector<double>& d_weight,
                                std::vector<double>& d_bias) {
  for (int t = 0; t < rows; ++t) {
    const auto normal = [&](int h) { return (x[t * hidden + h] - mean[t]) * inverse_deviation[t]; };
    double g_mean = 0, pull = 0;
    for (int h = 0; h < hidden; ++h) {
      g_mean += dy[t * hidden + h] * weight[h] / hidden;
      pull += dy[t * hidden + h] * weight[h] * normal(h) / hidden;
    }
    for (int h = 0; h < hidden; ++h) {
      const int i = t * hidden + h;
      dx[i] += inverse_deviation[t] * (dy[i] * weight[h] - g_mean - normal(h) * pull);
      d_weight[h] += dy[i] * normal(h);
      d_bias[h] += dy[i];
    }
  }
}

}  // namespace recpo::kernels::reference
