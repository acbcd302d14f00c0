#pragma once
// AdamW (Loshchilov, Hutter 2019) as PyTorch computes it: decoupled decay first, eps after the bias-corrected root.
//   w -= lr * decay * w
//   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
//   w -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
// with g = gradient_scale * gradient (the clipping factor).

#include "src/support/views.hpp"

namespace recpo::kernels {

struct AdamWCoefficients {
  double lr = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  std::int64_t step = 1;        // t, from 1
  double gradient_scale = 1.0;
};

// All [n], elementwise, in place.
template <class T>
void adamw_step(const ExecSpace& exec, const AdamWCoefficients& coefficients, Vector<const T> gradient, Vector<T> m,
                Vector<T> v, Vector<T> weight);

}  // namespace recpo::kernels
