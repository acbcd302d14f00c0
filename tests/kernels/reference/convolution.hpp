#pragma once
// kernels/convolution.hpp by the definition, in fp64 on row-major arrays: filters [F, n, H] slide over windows [B, L,
// H].

#include <algorithm>
#include <vector>

namespace recpo::kernels::reference {

// Filter f at place t of window s, before the rectifier.
inline double horizontal_at(int length, int hidden, int height, int s, int f, int t, const std::vector<double>& x,
                            const std::vector<double>& filters, const std::vector<double>& bias) {
  double sum = bias[f];
  for (int j = 0; j < height; ++j)
    for (int h = 0; h < hidden; ++h)
      sum += filters[(f * height + j) * hidden + h] * x[((s * length) + t + j) * hidden + h];
  return sum;
}

// out [B, F]
inline std::vector<double> horizontal(int windows, int length, int hidden, int height, int num_filters,
                                      const std::vector<double>& x, const std::vector<double>& filters,
                                      const std::vector<double>& bias) {
  std::vector<double> out;
  for (int s = 0; s < windows; ++s) {
    for (int f = 0; f < num_filters; ++f) {
      double best = 0;
      for (int t = 0; t + height <= length; ++t)
        best = std::max(best, horizontal_at(length, hidden, height, s, f, t, x, filters, bias));
      out.push_back(best);
    }
  }
  return out;
}

// out [B, F H]
inline std::vector<double> vertical(int windows, int length, int hidden, int num_filters, const std::vector<double>& x,
                                    const std::vector<double>& weight) {
  std::vector<double> out;
  for (int s = 0; s < windows; ++s) {
    for (int f = 0; f < num_filters; ++f) {
      for (int h = 0; h < hidden; ++h) {
        double sum = 0;
        for (int t = 0; t < length; ++t) sum += weight[f * length + t] * x[(s * length + t) * hidden + h];
        out.push_back(sum);
      }
    }
  }
  return out;
}

}  // namespace recpo::kernels::reference
