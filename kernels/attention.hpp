#pragma once
// Softmax attention with grouped heads and the tree mask:
//   o_i = sum_j softmax_j(scale q_i . k_j) v_j over the keys that query i sees, query head h reading key/value head
//   h / (N / G). scale = 1 / sqrt(D).
// Visibility is two key intervals a query row: [key_begin of its span, prefix_end[i]) and [own_begin[i], own_end[i]).
// The tree batch uses prefix_end and own_begin of data/tree_batch.hpp with own_end = i + 1; generation uses
// prefix_end only, with keys in a cache.
//
// A span is worked on in chunks of query rows: the products by gemm_batched, all spans and heads in one batch, between
// them a masked softmax kernel on the scores. Scores are not kept: the backward recomputes them from the stored
// log-sum-exp. With bfloat16 the scores are float, the weights that enter products bfloat16, and dk and dv are summed
// in float. All memory is the caller's. Asynchronous on `exec`, local to the calling rank; the same bits for any
// number of threads.
//
// Training on a GPU in bfloat16 has a second form, one call of cuDNN (kernels/attention_fused.hpp). It rounds where the
// first does, each head's part of dk and dv besides; its results, gradients too, repeat to the bit.

#include <string>
#include <vector>

#include "src/support/views.hpp"

namespace recpo::kernels {

// One tree or sequence; host data. Its rows are causal, the last query row standing at the last key: whatever the mask
// says, row i sees no key from key_end - (query_end - 1 - i) on. So chunks leave out the keys that none of their rows
// sees, and a span has at least as many keys as query rows. Keys and values of a span are finite, seen or not.
struct AttentionSpan {
  std::int64_t query_begin = 0, query_end = 0;
  std::int64_t key_begin = 0, key_end = 0;
};

struct AttentionShape {
  int heads = 0, kv_heads = 0, head_dim = 0;
};

// Visibility of the query rows, in absolute key rows. [Tq] each; device memory.
struct AttentionMask {
  Vector<const int> prefix_end, own_begin, own_end;
};

enum class AttentionBackend {
  kFastest,  // fused where it can be
  kGemm,     // as above: all types, all problems
  kFused,    // throws kInternal and names the obstacle where it cannot be
};

// "attention by cuDNN 9.19.0", or why there is no fused form.
std::string attention_description();

// Elements of workspace that a forward or backward over these spans needs, in any form. May compile a plan of the fused
// form, which takes seconds.
template <class T>
std::int64_t attention_workspace(const AttentionShape& shape, const std::vector<AttentionSpan>& spans);

// q [Tq, >= N*D], k and v [Tk, >= G*D] (column ranges of wider matrices), out [Tq, N*D] and lse [Tq, N] are assigned.
// Every query row sees at least one key; spans may share keys.
template <class T>
void attention_forward(const ExecSpace& exec, const AttentionShape& shape, const std::vector<AttentionSpan>& spans,
                       const AttentionMask& mask, Matrix<const T> q, Matrix<const T> k, Matrix<const T> v,
                       Matrix<T> out, Matrix<Accumulate<T>> lse, Vector<Accumulate<T>> workspace,
                       AttentionBackend form = AttentionBackend::kFastest);

// dq, dk, dv are assigned over the spans' rows; spans have keys of their own. With p = softmax, dp = d_out v^T, delta_i
// = d_out_i . out_i:
//   dv = p^T d_out,  ds = scale p (dp - delta),  dq = ds k,  dk = ds^T q.
template <class T>
void attention_backward(const ExecSpace& exec, const AttentionShape& shape, const std::vector<AttentionSpan>& spans,
                        const AttentionMask& mask, Matrix<const T> q, Matrix<const T> k, Matrix<const T> v,
                        Matrix<const T> out, Matrix<const Accumulate<T>> lse, Matrix<const T> d_out, Matrix<T> dq,
                        Matrix<T> dk, Matrix<T> dv, Vector<Accumulate<T>> workspace,
                        AttentionBackend form = AttentionBackend::kFastest);

}  // namespace recpo::kernels
