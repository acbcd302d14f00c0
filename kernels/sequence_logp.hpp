#pragma once
// Log-softmax restricted to the rows that predict answer tokens. A logit row may have several targets (the prompt's
// last token predicts the first token of every answer):
//   token_logp[m] = logits[r, target_token[m]] - lse[r]   for m in [target_begin[r], target_begin[r + 1]),
//   lse[r] = log sum_v exp(logits[r, v]).
// Columns from `vocab` on (padding) do not take part.
//
// Vocabulary parallelism: shard s of S holds the columns of tokens [first_token, first_token + vocab). The forward
// gives the shard's own lse, and its own log-probs for the tokens it holds (0 for others); sequence_logp_combine turns
// the lse of all shards into the whole one, and the shard's log-probs into its terms of a sum over shards:
//   lse[r] = log sum_s exp(lse_s[r]),   token_logp[m] += lse_own[r] - lse[r] where the shard holds target m.
// The backward is the same as without shards, with the whole lse.
//
// Logits are of a type of sums, T below; their gradient is stored as D, which the products that follow read.

#include "src/support/views.hpp"

namespace recpo::kernels {

// logits [R, >= vocab]; target_begin [R + 1], target_token [M]; lse [R] and token_logp [M] are assigned.
template <class T>
void sequence_logp_forward(const ExecSpace& exec, Matrix<const T> logits, int vocab, Vector<const int> target_begin,
                           Vector<const int> target_token, Vector<T> lse, Vector<T> token_logp, int first_token = 0);

// shard_lse [S, R] of all shards; lse [R] is assigned, token_logp [M] changed in place.
template <class T>
void sequence_logp_combine(const ExecSpace& exec, Matrix<const T> shard_lse, int own_shard, int vocab, int first_token,
                           Vector<const int> target_begin, Vector<const int> target_token, Vector<T> lse,
                           Vector<T> token_logp);

// The gradient of sum_m d_token_logp[m] * token_logp[m]:
//   d_logits[r, v] = sum over r's targets m of d_token_logp[m] * ([v == token m] - softmax(logits[r])[v]);
// padding columns become 0. d_logits (assigned) may be the logits' own memory where D is T, and is another elsewhere.
template <class T, class D = T>
void sequence_logp_backward(const ExecSpace& exec, Vector<const int> target_begin, Vector<const int> target_token,
                            Vector<const T> lse, Vector<const T> d_token_logp, int vocab, Matrix<const T> logits,
                            Matrix<D> d_logits, int first_token = 0);

// Greedy choice: the smallest index of the largest logit of each row, that logit, and the largest of the others (the
// lowest finite number where there is none). logits [B, >= vocab]; index, largest and second [B] (assigned)
template <class T>
void argmax_rows(const ExecSpace& exec, Matrix<const T> logits, int vocab, Vector<int> index, Vector<T> largest,
                 Vector<T> second);

// Log-probs of completions from those of their tokens, and the backward of that. Between the two stands the gradient of
// a loss of preference sets (set_loss.hpp); all of it is asynchronous. Sums are in double in a fixed order.

// logp[c] = sum of token_logp[target[i]] for i in [begin[c], begin[c + 1]), in that order.
// begin [C + 1], target [M], token_logp [M], logp [C] (assigned)
template <class T>
void completion_logp(const ExecSpace& exec, Vector<const int> begin, Vector<const int> target,
                     Vector<const T> token_logp, Vector<double> logp);

// d_token_logp[m] = d_logp[completion[m]]: completion [M], d_logp [C], d_token_logp [M] (assigned)
template <class T>
void completion_logp_backward(const ExecSpace& exec, Vector<const int> completion, Vector<const double> d_logp,
                              Vector<T> d_token_logp);

}  // namespace recpo::kernels
