#pragma once
// Rotary position embedding (Su et al. 2021) in the Hugging Face layout: dimension d pairs with d + D/2 (not the
// interleaved layout of Meta's files). For one head x and angle a_d = position * inverse_frequency[d], d < D/2:
//   y[d] = x[d] cos a_d - x[d + D/2] sin a_d,   y[d + D/2] = x[d + D/2] cos a_d + x[d] sin a_d.
// Works in place on the first `heads` heads of a row: queries and keys are neighbours in the fused q|k|v projection,
// so one call rotates both. The backward is the rotation by the opposite angle.

#include "kernels/rope_scaling.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

// cos and sin for positions 0 .. length-1: [length, D/2] each, host to device once at start.
template <class T>
void rope_tables(const ExecSpace& exec, Vector<const double> inverse_frequency, Matrix<Accumulate<T>> cosine,
                 Matrix<Accumulate<T>> sine);

// positions [T]; x [T, >= heads * D], in place
template <class T>
void rope_forward(const ExecSpace& exec, Vector<const int> positions, Matrix<const Accumulate<T>> cosine,
                  Matrix<const Accumulate<T>> sine, int heads, Matrix<T> x);
// dx: gradient of the rotated values in, of the unrotated out; in place
template <class T>
void rope_backward(const ExecSpace& exec, Vector<const int> positions, Matrix<const Accumulate<T>> cosine,
                   Matrix<const Accumulate<T>> sine, int heads, Matrix<T> dx);

}  // namespace recpo::kernels
