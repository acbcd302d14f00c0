#pragma once
// Normalization of rows. All memory is the caller's; sums over rows have a fixed order. Asynchronous on `exec`, local
// to the calling rank.

#include "src/support/views.hpp"

namespace recpo::kernels {

// RMSNorm (Zhang, Sennrich 2019): y = x * r * w with r = 1 / sqrt(mean(x^2) + eps).
// x [T, H], weight [H]; y [T, H] and inverse_rms [T] are assigned.
template <class T>
void rms_norm_forward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, double eps, Matrix<T> y,
                      Vector<Accumulate<T>> inverse_rms);

// With g = dy * w:  dx += r * (g - x * r^2 * mean(g * x));  d_weight += sum over rows of dy * x * r.
// dx is added to (it is the residual stream's gradient), d_weight too (unless it is empty: frozen).
// workspace: at least rms_norm_workspace(T, H) elements.
template <class T>
void rms_norm_backward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight,
                       Vector<const Accumulate<T>> inverse_rms, Matrix<const T> dy, Matrix<T> dx,
                       Vector<Accumulate<T>> d_weight, Vector<Accumulate<T>> workspace);

std::int64_t rms_norm_workspace(std::int64_t tokens, std::int64_t hidden);

// RMSNorm of each head of a row, in place: x [T, heads D], weight [D]. before [T, heads D] is assigned x as it was, and
// inverse_rms [T, heads]. Matrices may be column ranges of wider ones.
template <class T>
void head_norm_forward(const ExecSpace& exec, Vector<const T> weight, double eps, Matrix<T> x, Matrix<T> before,
                       Matrix<Accumulate<T>> inverse_rms);
// dx [T, heads D]: gradient of the normalized values in, of those before out. d_weight is added to (unless it is
// empty). workspace: at least head_norm_workspace(T, D) elements.
template <class T>
void head_norm_backward(const ExecSpace& exec, Vector<const T> weight, Matrix<const T> before,
                        Matrix<const Accumulate<T>> inverse_rms, Matrix<T> dx, Vector<Accumulate<T>> d_weight,
                        Vector<Accumulate<T>> workspace);
std::int64_t head_norm_workspace(std::int64_t tokens, std::int64_t head_dim);

// Layer normalization (Ba, Kiros, Hinton 2016), for the types of sums:
//   y = x^ * w + b,  x^ = (x - mean(x)) r,  r = 1 / sqrt(mean((x - mean(x))^2) + eps).
// x [T, H], weight [H], bias [H]; y [T, H], mean [T] and inverse_deviation [T] (r) are assigned.
template <class T>
void layer_norm_forward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, Vector<const T> bias,
                        double eps, Matrix<T> y, Vector<T> mean, Vector<T> inverse_deviation);

// With g = dy * w:  dx += r (g - mean(g) - x^ mean(g x^)),  d_weight += sum over rows of dy x^,  d_bias += sum of dy.
// workspace: at least layer_norm_workspace(T, H) elements.
template <class T>
void layer_norm_backward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, Vector<const T> mean,
                         Vector<const T> inverse_deviation, Matrix<const T> dy, Matrix<T> dx, Vector<T> d_weight,
                         Vector<T> d_bias, Vector<T> workspace);
std::int64_t layer_norm_workspace(std::int64_t rows, std::int64_t hidden);

}  // namespace recpo::kernels
