#pragma once
// One step of a gated recurrent unit (Cho et al. 2014) in PyTorch's form, elementwise behind the two products
// a = x W_i^T + b_i and c = h W_h^T, both [B, 3H] with the parts r, z, n beside each other:
//   r = sigmoid(a_r + c_r + b_r)   z = sigmoid(a_z + c_z + b_z)   n = tanh(a_n + r (c_n + b_n))   h' = (1 - z) n + z h
// Sequences end together: sequence s begins at step first[s], and keeps its state h' = h before. All memory is the
// caller's. Asynchronous on `exec`, local to the calling rank. For the types of sums.

#include "src/support/views.hpp"

namespace recpo::kernels {

// first [B], bias [3H] (b), h [B, H]; gates [B, 4H] (r, z, n, c_n + b_n, for the backward; not of sequences that have
// not begun) and h_next [B, H] are assigned.
template <class T>
void gru_forward(const ExecSpace& exec, Vector<const int> first, int step, Matrix<const T> a, Matrix<const T> c,
                 Vector<const T> bias, Matrix<const T> h, Matrix<T> gates, Matrix<T> h_next);

// dh_next [B, H]; da, dc [B, 3H] and dh [B, H] are assigned: dh without the part that comes through c.
template <class T>
void gru_backward(const ExecSpace& exec, Vector<const int> first, int step, Matrix<const T> gates, Matrix<const T> h,
                  Matrix<const T> dh_next, Matrix<T> da, Matrix<T> dc, Matrix<T> dh);

}  // namespace recpo::kernels
