#pragma once
// AdamW (Loshchilov, Hutter 2019) as PyTorch computes it: decoupled decay first, eps after the bias-corrected root.
//   w -= lr * decay * w
//   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
//   w -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
// with g = gradient_scale * gradient + l2 * w: the clipping factor, and the weight decay of classic Adam (Kingma, Ba
// 2015; torch.optim.Adam), which passes through the moments.
// Moments are stored as T or as bfloat16. The latter are rounded stochastically: an update of v by a part in a thousand
// is below half a unit of bfloat16 and would be lost by rounding to nearest. The random bits are a pure function of
// (rounding_key, step, first_element + index), so that a slice of a parameter moves as it would in the whole.

#include "src/support/bfloat16.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

struct AdamWCoefficients {
  double lr = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  std::int64_t step = 1;  // t, from 1
  double gradient_scale = 1.0;
  std::uint64_t rounding_key = 0;  // of the parameter
  std::int64_t first_element = 0;  // of the slice within it
  double l2 = 0;                   // added to the gradient, l2 * w
};

// All [n], elementwise, in place. T is a type of sums, M is T or Bfloat16. `rounded` takes the new weights as the model
// stores them, rounded to nearest, in the same pass over memory; left out where T is what the model stores.
template <class T, class M = T>
void adamw_step(const ExecSpace& exec, const AdamWCoefficients& coefficients, Vector<const T> gradient, Vector<M> m,
                Vector<M> v, Vector<T> weight, Vector<Bfloat16> rounded = {});

}  // namespace recpo::kernels
