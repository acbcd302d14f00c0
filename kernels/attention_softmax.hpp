#pragma once
// The kernels between attention's products, on the scores [N, rows, keys] of a round's chunks. Keys that a row does not
// see get the weight 0, so that the products over all keys of a chunk are exact. Weights have the scores' places, and
// their memory where T is the type of sums.

#include "kernels/attention_chunks.hpp"

namespace recpo::kernels {

// From scores (scaled) the weights p; lse [Tq, N] is assigned. Scores are lost.
template <class T>
void attention_softmax(const ExecSpace& exec, const AttentionShape& shape, const AttentionRound& round,
                       const AttentionMask& mask, Accumulate<T>* scores, T* weights, Matrix<Accumulate<T>> lse);

// From scores (scaled) the weights p, from dp the scores' gradient ds = scale p (dp - d_out . out).
template <class T>
void attention_softmax_backward(const ExecSpace& exec, const AttentionShape& shape, const AttentionRound& round,
                                const AttentionMask& mask, Matrix<const T> out, Matrix<const T> d_out,
                                Matrix<const Accumulate<T>> lse, Accumulate<T> scale, const Accumulate<T>* scores,
                                const Accumulate<T>* dp, T* weights, T* ds);

}  // namespace recpo::kernels
