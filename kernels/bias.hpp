#pragma once
// Biases of linear layers, with and without a rectifier, and sums over rows.
//   bias_forward       y[t, :] += b                      bias_relu_forward  y[t, :] = max(0, y[t, :] + b)
//   relu_backward      dy = 0 where y = 0                bias_backward      db += sum_t dy[t, :]
// The sum has a fixed order (rows in chunks, chunks in order): the same bits for any number of threads. All memory is
// the caller's. Asynchronous on `exec`, local to the calling rank. The rectifier is for the types of sums.

#include "src/support/views.hpp"

namespace recpo::kernels {

// bias [H], y [T, H] in place
template <class T>
void bias_forward(const ExecSpace& exec, Vector<const T> bias, Matrix<T> y);
template <class T>
void bias_relu_forward(const ExecSpace& exec, Vector<const T> bias, Matrix<T> y);

// y [T, H] of bias_relu_forward, dy [T, H] in place
template <class T>
void relu_backward(const ExecSpace& exec, Matrix<const T> y, Matrix<T> dy);

// dy [T, H], d_bias [H] (added to); workspace: at least bias_workspace(T, H) elements
template <class T>
void bias_backward(const ExecSpace& exec, Matrix<const T> dy, Vector<Accumulate<T>> d_bias,
                   Vector<Accumulate<T>> workspace);
std::int64_t bias_workspace(std::int64_t rows, std::int64_t width);

}  // namespace recpo::kernels
