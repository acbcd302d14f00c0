#pragma once
// kernels/attention.hpp by the definition, in fp64 on row-major arrays: every query row against every key row, with
// the mask asked for each pair.

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/attention.hpp"

namespace recpo::kernels::reference {

using Values = std::vector<double>;

struct AttentionProblem {
  AttentionShape shape;
  std::vector<AttentionSpan> spans;
  std::vector<int> prefix_end, own_begin, own_end;  // [Tq]
  std::int64_t queries = 0, keys = 0;               // Tq, Tk
  Values q, k, v;                                   // [Tq, N D], [Tk, G D], [Tk, G D]

  int kv_head(int head) const { return head / (shape.heads / shape.kv_heads); }
  std::int64_t query_at(std::int64_t i, int head) const { return (i * shape.heads + head) * shape.head_dim; }
  std::int64_t key_at(std::int64_t j, int head) const { return (j * shape.kv_heads + kv_head(head)) * shape.head_dim; }
  double scale() const { return 1 / std::sqrt(static_cast<double>(shape.head_dim)); }
  bool sees(const AttentionSpan& span, std::int64_t i, std::int64_t j) const {
    return (j >= span.key_begin && j < prefix_end[i]) || (j >= own_begin[i] && j < own_end[i]);
  }
};

// f(i, j, head, pair) for every query row and key row of a span that see each other; pair indexes [N, Tq, Tk].
template <class F>
void for_each_pair(const AttentionProblem& problem, const F& f) {
  for (const AttentionSpan& span : problem.spans) {
    for (int head = 0; head < problem.shape.heads; ++head) {
      for (std::int64_t i = span.query_begin; i < span.query_end; ++i) {
        for (std::int64_t j = span.key_begin; j < span.key_end; ++j) {
          if (problem.sees(span, i, j)) f(i, j, head, (head * problem.queries + i) * problem.keys + j);
        }
      }
    }
  }
}

// Dot product of one head's part of a row of x [., x_heads D] and of y.
inline double dot_heads(int head_dim, const Values& x, std::int64_t x_at, const Values& y, std::int64_t y_at) {
  double sum = 0;
  for (int d = 0; d < head_dim; ++d) sum += x[x_at + d] * y[y_at + d];
  return sum;
}

struct AttentionForward {
  Values scores, p;  // [N, Tq, Tk]; 0 where the pair does not see each other
  Values out, lse;   // [Tq, N D], [Tq, N]
};

inline AttentionForward attention_forward(const AttentionProblem& problem) {
  const int heads = problem.shape.heads, head_dim = problem.shape.head_dim;
  const std::int64_t rows = problem.queries * heads, pairs = rows * problem.keys;
  AttentionForward result{Values(pairs), Values(pairs), Values(rows * head_dim), Values(rows)};
  Values largest(rows, -HUGE_VAL), sum(rows);
  for_each_pair(problem, [&](std::int64_t i, std::int64_t j, int head, std::int64_t pair) {
    const double dot = dot_heads(head_dim, problem.q, problem.query_at(i, head), problem.k, problem.key_at(j, head));
    result.scores[pair] = problem.scale() * dot;
    largest[i * heads + head] = std::max(largest[i * heads + head], result.scores[pair]);
  });
  for_each_pair(problem, [&](std::int64_t i, std::int64_t, int head, std::int64_t pair) {
    sum[i * heads + head] += std::exp(result.scores[pair] - largest[i * heads + head]);
  });
  for (std::int64_t row = 0; row < rows; ++row) result.lse[row] = largest[row] + std::log(sum[row]);
  for_each_pair(problem, [&](std::int64_t i, std::int64_t j, int head, std::int64_t pair) {
    result.p[pair] = std::exp(result.scores[pair] - largest[i * heads + head]) / sum[i * heads + head];
    for (int d = 0; d < head_dim; ++d) {
      result.out[problem.query_at(i, head) + d] += result.p[pair] * problem.v[problem.key_at(j, head) + d];
    }
  });
  return result;
}

struct AttentionBackward {
  Values dp, ds;      // [N, Tq, Tk]
  Values dq, dk, dv;  // like q, k, v
};

inline AttentionBackward attention_backward(const AttentionProblem& problem, const AttentionForward& forward,
                                            const Values& d_out) {
  const int head_dim = problem.shape.head_dim;
  AttentionBackward result{Values(forward.p.size()), Values(forward.p.size()), Values(problem.q.size()),
                           Values(problem.k.size()), Values(problem.v.size())};
  for_each_pair(problem, [&](std::int64_t i, std::int64_t j, int head, std::int64_t pair) {
    const std::int64_t query = problem.query_at(i, head), key = problem.key_at(j, head);
    result.dp[pair] = dot_heads(head_dim, d_out, query, problem.v, key);
    const double delta = dot_heads(head_dim, d_out, query, forward.out, query);
    result.ds[pair] = problem.scale() * forward.p[pair] * (result.dp[pair] - delta);
    for (int d = 0; d < head_dim; ++d) {
      result.dq[query + d] += result.ds[pair] * problem.k[key + d];
      result.dk[key + d] += result.ds[pair] * problem.q[query + d];
      result.dv[key + d] += forward.p[pair] * d_out[query + d];
    }
  });
  return result;
}

}  // namespace recpo::kernels::reference
