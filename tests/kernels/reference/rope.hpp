#pragma once
// kernels/rope.hpp by the formula, in fp64: x [tokens, width], the first `heads` heads of a row rotated in place by
// `direction` times the angle (+1 forward, -1 backward); no tables.

#include <cmath>
#include <vector>

namespace recpo::kernels::reference {

inline void rope_rotate(int tokens, int width, int heads, const std::vector<int>& positions,
                        const std::vector<double>& inverse_frequency, int direction, std::vector<double>& x) {
  const int half = static_cast<int>(inverse_frequency.size());
  for (int t = 0; t < tokens; ++t) {
    for (int head = 0; head < heads; ++head) {
      for (int d = 0; d < half; ++d) {
        const double angle = direction * positions[t] * inverse_frequency[d];
        double& low = x[t * width + head * 2 * half + d];
        double& high = x[t * width + head * 2 * half + half + d];
        const double a = low, b = high;
        low = a * std::cos(angle) - b * std::sin(angle);
        high = b * std::cos(angle) + a * std::sin(angle);
      }
    }
  }
}

}  // namespace recpo::kernels::reference
