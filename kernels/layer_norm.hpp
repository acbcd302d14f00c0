#pragma once
// Layer normalization (Ba, Kiros, Hinton 2016), row by row:
//   y = x^ * w + b,  x^ = (x - mean(x)) r,  r = 1 / sqrt(mean((x - mean(x))^2) + eps).
// All memory is the caller's. Asynchronous on `exec`, local to the calling rank. For the types of sums.

#include "src/support/views.hpp"

namespace recpo::kernels {

// x [T, H], weight [H], bias [H]; y [T, H], mean [T] and inverse_deviation [T] (r) are assigned.
template <class T>
void layer_norm_forward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, Vector<const T> bias,
                        double eps, Matrix<T> y, Vector<T> mean, Vector<T> inverse_deviation);

// With g = dy * w:  dx += r (g - mean(g) - x^ mean(g x^)),  d_weight += sum over rows of dy x^,  d_bias += sum of dy.
// The sums over rows have a fixed order. workspace: at least layer_norm_workspace(T, H) elements.
template <class T>
void layer_norm_backward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, Vector<const T> mean,
                         Vector<const T> inverse_deviation, Matrix<const T> dy, Matrix<T> dx, Vector<T> d_weight,
                         Vector<T> d_bias, Vector<T> workspace);
std::int64_t layer_norm_workspace(std::int64_t rows, std::int64_t hidden);

}  // namespace recpo::kernels
