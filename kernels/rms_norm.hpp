#pragma once
// RMSNorm (Zhang, Sennrich 2019): y = x * r * w with r = 1 / sqrt(mean(x^2) + eps), row by row.

#include "src/support/views.hpp"

namespace recpo::kernels {

// x [T, H], weight [H]; y [T, H] and inverse_rms [T] are assigned.
template <class T>
void rms_norm_forward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight, double eps, Matrix<T> y,
                      Vector<Accumulate<T>> inverse_rms);

// With g = dy * w:  dx += r * (g - x * r^2 * mean(g * x));  d_weight += sum over rows of dy * x * r.
// dx is added to (it is the residual stream's gradient), d_weight too (unless it is empty: frozen); the sum over rows
// has a fixed order.
// workspace: at least rms_norm_workspace(T, H) elements.
template <class T>
void rms_norm_backward(const ExecSpace& exec, Matrix<const T> x, Vector<const T> weight,
                       Vector<const Accumulate<T>> inverse_rms, Matrix<const T> dy, Matrix<T> dx,
                       Vector<Accumulate<T>> d_weight, Vector<Accumulate<T>> workspace);

std::int64_t rms_norm_workspace(std::int64_t tokens, std::int64_t hidden);

}  // namespace recpo::kernels
