#pragma once
// kernels/gru.hpp by the formula, in fp64 on row-major arrays: one step of all sequences.

#include <cmath>
#include <vector>

namespace recpo::kernels::reference {

struct GruGates {
  double r, z, n, inner;
};

inline GruGates gru_gates(int hidden, int s, int i, const std::vector<double>& a, const std::vector<double>& c,
                          const std::vector<double>& bias) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const int at = s * 3 * hidden + i;
  const double inner = c[at + 2 * hidden] + bias[2 * hidden + i];
  const double r = sigmoid(a[at] + c[at] + bias[i]);
  return {r, sigmoid(a[at + hidden] + c[at + hidden] + bias[hidden + i]), std::tanh(a[at + 2 * hidden] + r * inner),
          inner};
}

inline void gru_forward(int hidden, const std::vector<int>& first, int step, const std::vector<double>& a,
                        const std::vector<double>& c, const std::vector<double>& bias, const std::vector<double>& h,
                        std::vector<double>& h_next) {
  for (std::size_t k = 0; k < h.size(); ++k) {
    const int s = static_cast<int>(k) / hidden, i = static_cast<int>(k) % hidden;
    const GruGates g = gru_gates(hidden, s, i, a, c, bias);
    h_next[k] = step < first[s] ? h[k] : (1 - g.z) * g.n + g.z * h[k];
  }
}

inline void gru_backward(int hidden, const std::vector<int>& first, int step, const std::vector<double>& a,
                         const std::vector<double>& c, const std::vector<double>& bias, const std::vector<double>& h,
                         const std::vector<double>& d, std::vector<double>& da, std::vector<double>& dc,
                         std::vector<double>& dh) {
  for (std::size_t k = 0; k < h.size(); ++k) {
    const int s = static_cast<int>(k) / hidden, i = static_cast<int>(k) % hidden, at = s * 3 * hidden + i;
    const GruGates g = gru_gates(hidden, s, i, a, c, bias);
    const bool runs = step >= first[s];
    const double d_n = runs ? d[k] * (1 - g.z) * (1 - g.n * g.n) : 0;
    da[at] = dc[at] = d_n * g.inner * g.r * (1 - g.r);
    da[at + hidden] = dc[at + hidden] = runs ? d[k] * (h[k] - g.n) * g.z * (1 - g.z) : 0;
    da[at + 2 * hidden] = d_n;
    dc[at + 2 * hidden] = d_n * g.r;
    dh[k] = runs ? d[k] * g.z : d[k];
  }
}

}  // namespace recpo::kernels::reference
