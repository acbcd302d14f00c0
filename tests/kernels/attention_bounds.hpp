#pragma once
// How far attention in T may be from its fp64 reference: rounding followed through the formulas of
// kernels/attention.hpp, with the magnitudes of this problem. u(n) bounds n roundings of either side; what enters a
// second product (p, ds) and the results are stored as T.

#include "tests/kernels/reference/attention.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::test {

using Values = std::vector<double>;
using kernels::reference::AttentionBackward;
using kernels::reference::AttentionForward;
using kernels::reference::AttentionProblem;

template <class T>
double u(double roundings) {
  return gamma<T>(roundings, roundings);
}

inline double dot_magnitude(int head_dim, const Values& x, std::int64_t x_at, const Values& y, std::int64_t y_at) {
  double sum = 0;
  for (int d = 0; d < head_dim; ++d) sum += std::abs(x[x_at + d] * y[y_at + d]);
  return sum;
}

// Of one query row and head.
struct RowBounds {
  double score = 0;                         // absolute, of the largest score error
  double low = HUGE_VAL, high = -HUGE_VAL;  // scores
  double weight = 0;                        // relative, of the forward's p as stored
  double lse = 0;                           // absolute
  double weight_again = 0;                  // relative, of p recomputed from the log-sum-exp, before it is stored
};

template <class T>
std::vector<RowBounds> row_bounds(const AttentionProblem& problem, const AttentionForward& forward) {
  const int heads = problem.shape.heads, head_dim = problem.shape.head_dim;
  std::vector<RowBounds> rows(problem.queries * heads);
  for_each_pair(problem, [&](std::int64_t i, std::int64_t j, int head, std::int64_t pair) {
    RowBounds& row = rows[i * heads + head];
    // D products and additions, the factor 1 / sqrt(D) and its own rounding
    const double magnitude = problem.scale() * dot_magnitude(head_dim, problem.q, problem.query_at(i, head), problem.k,
                                                             problem.key_at(j, head));
    row.score = std::max(row.score, u<T>(head_dim + 2) * magnitude);
    row.low = std::min(row.low, forward.scores[pair]);
    row.high = std::max(row.high, forward.scores[pair]);
  });
  for (std::size_t r = 0; r < rows.size(); ++r) {
    RowBounds& row = rows[r];
    const double lse = forward.lse[r], range = row.high - row.low + 2 * row.score;
    // exp(s - max): the score, the subtraction, exp. The same error of the maximum cancels between terms and sum.
    const double term = row.score + u<T>(1) * range + u<T>(kExpRoundings);
    const double sum = u<T>(sum_depth(problem.keys) + 1);
    row.weight = stored<T>(std::expm1(2 * term + sum + u<T>(2)), 1);
    row.lse = term + row.score + sum + u<T>(3) * (std::abs(lse) + std::abs(row.high));
    row.weight_again =
        std::expm1(row.score + row.lse + u<T>(1) * (range + std::abs(lse - row.high) + row.lse) + u<T>(kExpRoundings));
  }
  return rows;
}

// The fused form's rows: it takes powers of two of scores times log2 e, so that two more products round relative to the
// scores themselves, and whenever a tile of keys raises the maximum it multiplies what it has summed by such a power.
inline std::vector<RowBounds> fused_row_bounds(const AttentionProblem& problem, const AttentionForward& forward) {
  constexpr std::int64_t kTile = 64;  // keys: the smallest of its tiles
  const double tiles = 1 + static_cast<double>(problem.keys / kTile);
  std::vector<RowBounds> rows = row_bounds<Bfloat16>(problem, forward);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    RowBounds& row = rows[r];
    const double scores = std::max(std::abs(row.low), std::abs(row.high)) + row.score;
    const double power = u<Bfloat16>(4) * scores + u<Bfloat16>(kExpRoundings + 1);
    row.weight = row.weight + (1 + row.weight) * std::expm1((2 + tiles) * power);
    row.lse += (2 + tiles) * power;
    row.weight_again =
        row.weight_again +
        (1 + row.weight_again) * std::expm1((2 + tiles) * power + u<Bfloat16>(4) * std::abs(forward.lse[r]));
  }
  return rows;
}

// Bounds of results as computed become bounds of results as stored.
template <class T>
void add_storage(const Values& expected, Values& bounds) {
  for (std::size_t i = 0; i < bounds.size(); ++i) bounds[i] = stored<T>(bounds[i], expected[i]);
}

// [Tq, N D]: sum over keys of p v
template <class T>
Values out_bounds(const AttentionProblem& problem, const AttentionForward& forward,
                  const std::vector<RowBounds>& rows) {
  Values bounds(forward.out.size());
  const double sum = u<T>(problem.keys + 1);
  for_each_pair(problem, [&](std::int64_t i, std::int64_t j, int head, std::int64_t pair) {
    const double weight = rows[i * problem.shape.heads + head].weight;
    for (int d = 0; d < problem.shape.head_dim; ++d) {
      bounds[problem.query_at(i, head) + d] +=
          forward.p[pair] * std::abs(problem.v[problem.key_at(j, head) + d]) * (weight + sum * (1 + weight));
    }
  });
  add_storage<T>(forward.out, bounds);
  return bounds;
}

struct BackwardBounds {
  Values dq, dk, dv;
};

// `part` is the rounding of a head's part of dk and dv before parts are added, 0 where it is not stored.
template <class T>
BackwardBounds backward_bounds(const AttentionProblem& problem, const AttentionForward& forward,
                               const AttentionBackward& backward, const Values& d_out,
                               const std::vector<RowBounds>& rows, double part = 0) {
  const int heads = problem.shape.heads, head_dim = problem.shape.head_dim;
  const Values out = out_bounds<T>(problem, forward, rows);
  BackwardBounds bounds{Values(problem.q.size()), Values(problem.k.size()), Values(problem.v.size())};
  const double key_sum = u<T>(problem.keys + 1);
  const double query_sum = part + u<T>(problem.queries * (heads / problem.shape.kv_heads) + 1);
  for_each_pair(problem, [&](std::int64_t i, std::int64_t j, int head, std::int64_t pair) {
    const std::int64_t query = problem.query_at(i, head), key = problem.key_at(j, head);
    const double again = rows[i * heads + head].weight_again, p = forward.p[pair];
    // delta = d_out . out: its own rounding, and that of out
    const double delta_magnitude = dot_magnitude(head_dim, d_out, query, forward.out, query);
    const double delta_error = u<T>(sum_depth(head_dim) + 1) * delta_magnitude +
                               (1 + u<T>(head_dim)) * dot_magnitude(head_dim, d_out, query, out, query);
    const double dp_error = u<T>(head_dim) * dot_magnitude(head_dim, d_out, query, problem.v, key);
    const double size = std::abs(backward.dp[pair]) + delta_magnitude + dp_error + delta_error;
    // scale p (dp - delta): the subtraction, two products and the scale's own rounding
    const double ds_computed =
        problem.scale() * p * (again * size + (1 + again) * (dp_error + delta_error + u<T>(4) * size));
    const double ds_error = stored<T>(ds_computed, backward.ds[pair]), p_error = stored<T>(again, 1);
    const double ds = std::abs(backward.ds[pair]) + ds_error;
    for (int d = 0; d < head_dim; ++d) {
      bounds.dq[query + d] += (ds_error + key_sum * ds) * std::abs(problem.k[key + d]);
      bounds.dk[key + d] += (ds_error + query_sum * ds) * std::abs(problem.q[query + d]);
      bounds.dv[key + d] += p * (p_error + query_sum * (1 + p_error)) * std::abs(d_out[query + d]);
    }
  });
  add_storage<T>(backward.dq, bounds.dq);
  add_storage<T>(backward.dk, bounds.dk);
  add_storage<T>(backward.dv, bounds.dv);
  return bounds;
}

}  // namespace recpo::test
