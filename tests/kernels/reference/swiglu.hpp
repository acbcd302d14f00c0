#pragma once
// kernels/swiglu.hpp by the formula, in fp64 on row-major arrays: gate_up [tokens, 2 width], y [tokens, width].

#include <cmath>
#include <vector>

namespace recpo::kernels::reference {

inline void swiglu_forward(int tokens, int width, const std::vector<double>& gate_up, std::vector<double>& y) {
  for (int t = 0; t < tokens; ++t) {
    for (int i = 0; i < width; ++i) {
      const double gate = gate_up[t * 2 * width + i], up = gate_up[t * 2 * width + width + i];
      y[t * width + i] = gate / (1 + std::exp(-gate)) * up;
    }
  }
}

inline void swiglu_backward(int tokens, int width, const std::vector<double>& gate_up, const std::vector<double>& dy,
                            std::vector<double>& d_gate_up) {
  for (int t = 0; t < tokens; ++t) {
    for (int i = 0; i < width; ++i) {
      const double gate = gate_up[t * 2 * width + i], up = gate_up[t * 2 * width + width + i];
      const double sigmoid = 1 / (1 + std::exp(-gate));
      d_gate_up[t * 2 * width + i] = dy[t * width + i] * up * sigmoid * (1 + gate * (1 - sigmoid));
      d_gate_up[t * 2 * width + width + i] = dy[t * width + i] * gate * sigmoid;
    }
  }
}

}  // namespace recpo::kernels::reference
