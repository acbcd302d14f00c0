#pragma once
// The convolutions of Caser (Tang, Wang 2018) over windows of L items, each item a row of H numbers.
//
// Horizontal, F filters of height n sliding over the window, rectified, the largest place kept:
//   out[s, f] = max(0, max_t (b[f] + sum_{j < n} p[s L + t + j, j F + f])),  t in [0, L - n],
// where p = x W^T [B L, n F] is the product of every item with every row of every filter: one matrix product for all
// windows instead of one for each. Of equal places the first is kept.
//
// Vertical, F filters over the whole window: out[s, f H + h] = sum_t w[f, t] x[s L + t, h].
//
// Matrices may be column ranges of wider ones. All memory is the caller's. Asynchronous on `exec`, local to the calling
// rank; the same bits for any number of threads. For the types of sums.

#include "src/support/views.hpp"

namespace recpo::kernels {

// products [B L, n F], bias [F]; out [B, F] and place [B, F] (t of the largest) are assigned. L >= n.
template <class T>
void horizontal_forward(const ExecSpace& exec, int length, int height, Matrix<const T> products, Vector<const T> bias,
                        Matrix<T> out, Matrix<int> place);
// d_out [B, F] is the gradient before the rectifier (kernels/bias.hpp: relu_backward); d_products [B L, n F] is
// assigned.
template <class T>
void horizontal_backward(const ExecSpace& exec, int length, int height, Matrix<const int> place, Matrix<const T> d_out,
                         Matrix<T> d_products);

// x [B L, H], weight [F, L]; out [B, F H] is assigned.
template <class T>
void vertical_forward(const ExecSpace& exec, int length, Matrix<const T> x, Matrix<const T> weight, Matrix<T> out);
// d_out [B, F H]; dx [B L, H] is added to; weight_terms [B, F L] (assigned) are the rows whose sum is the gradient of
// the weight (kernels/bias.hpp: bias_backward).
template <class T>
void vertical_backward(const ExecSpace& exec, int length, Matrix<const T> x, Matrix<const T> weight,
                       Matrix<const T> d_out, Matrix<T> dx, Matrix<T> weight_terms);

}  // namespace recpo::kernels
