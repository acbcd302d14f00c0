#pragma once
// The kernels between attention's products, in place on the scores [N, rows, keys] of a round's chunks. Keys that a
// row does not see get the weight 0, so that the products over all keys of a chunk are exact.

#include "kernels/attention_chunks.hpp"

namespace recpo::kernels {

// scores (scaled) become the weights p; lse [Tq, N] is assigned.
template <class T>
void attention_softmax(const ExecSpace& exec, const AttentionShape& shape, const AttentionRound& round,
                       const AttentionMask& mask, T* scores, Matrix<Accumulate<T>> lse);

// scores (scaled) become the weights p, dp becomes ds = scale p (dp - d_out . out).
template <class T>
void attention_softmax_backward(const ExecSpace& exec, const AttentionShape& shape, const AttentionRound& round,
                                const AttentionMask& mask, Matrix<const T> out, Matrix<const T> d_out,
                                Matrix<const Accumulate<T>> lse, T scale, T* scores, T* dp);

}  // namespace recpo::kernels
