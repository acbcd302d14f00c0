#pragma once
// kernels/adamw.hpp line by line as its header states it, in fp64.

#include <cmath>
#include <vector>

#include "kernels/adamw.hpp"

namespace recpo::kernels::reference {

inline void adamw_step(const AdamWCoefficients& c, const std::vector<double>& gradient, std::vector<double>& m,
                       std::vector<double>& v, std::vector<double>& weight) {
  for (std::size_t i = 0; i < weight.size(); ++i) {
    const double g = c.gradient_scale * gradient[i] + c.l2 * weight[i];
    weight[i] -= c.lr * c.weight_decay * weight[i];
    m[i] = c.beta1 * m[i] + (1 - c.beta1) * g;
    v[i] = c.beta2 * v[i] + (1 - c.beta2) * g * g;
    const double m_hat = m[i] / (1 - std::pow(c.beta1, c.step));
    const double v_hat = v[i] / (1 - std::pow(c.beta2, c.step));
    weight[i] -= c.lr * m_hat / (std::sqrt(v_hat) + c.eps);
  }
}

}  // namespace recpo::kernels::reference
