#pragma once
// Log-softmax restricted to the rows that predict answer tokens. A logit row may have several targets (the prompt's
// last token predicts the first token of every answer):
//   token_logp[m] = logits[r, target_token[m]] - lse[r]   for m in [target_begin[r], target_begin[r + 1]),
//   lse[r] = log sum_v exp(logits[r, v]).
// Columns from `vocab` on (padding) do not take part.

#include "src/support/views.hpp"

namespace recpo::kernels {

// logits [R, >= vocab]; target_begin [R + 1], target_token [M]; lse [R] and token_logp [M] are assigned.
template <class T>
void sequence_logp_forward(const ExecSpace& exec, Matrix<const T> logits, int vocab, Vector<const int> target_begin,
                           Vector<const int> target_token, Vector<Accumulate<T>> lse,
                           Vector<Accumulate<T>> token_logp);

// In place: logits become the gradient of sum_m d_token_logp[m] * token_logp[m]:
//   d_logits[r, v] = sum over r's targets m of d_token_logp[m] * ([v == token m] - softmax(logits[r])[v]);
// padding columns become 0.
template <class T>
void sequence_logp_backward(const ExecSpace& exec, Vector<const int> target_begin, Vector<const int> target_token,
                            Vector<const Accumulate<T>> lse, Vector<const Accumulate<T>> d_token_logp, int vocab,
                            Matrix<T> logits);

// Greedy choice: the smallest index of the largest logit of each row. logits [B, >= vocab], index [B] (assigned)
template <class T>
void argmax_rows(const ExecSpace& exec, Matrix<const T> logits, int vocab, Vector<int> index);

}  // namespace recpo::kernels
