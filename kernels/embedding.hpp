#pragma once
// Rows of a table by token or item: lookup, and scores against a state. All memory is the caller's. Asynchronous on
// `exec`, local to the calling rank.
//
// Token embedding: out[t] = table[tokens[t]]. The backward adds out's gradient into the rows of the table. To give the
// same bits for any number of threads it works on the tokens grouped by id: group g holds rows order[begin[g] ..
// begin[g+1]) of the batch, in rising order. A table may hold the rows of tokens [first_token, first_token + V) only
// (vocabulary parallelism): tokens of other shards give zero rows, and no gradient.

#include "src/support/views.hpp"

namespace recpo::kernels {

// tokens [T], table [V, H], out [T, H] (assigned)
template <class T>
void embedding_forward(const ExecSpace& exec, Vector<const int> tokens, Matrix<const T> table, Matrix<T> out,
                       int first_token = 0);

// group_token [Q], group_begin [Q + 1], order [T], d_out [T, H], d_table [V, H] (added to)
template <class T>
void embedding_backward(const ExecSpace& exec, Vector<const int> group_token, Vector<const int> group_begin,
                        Vector<const int> order, Matrix<const T> d_out, Matrix<Accumulate<T>> d_table,
                        int first_token = 0);

// Scores of a few items for each sequence, for the types of sums: the product of its state with their rows.
//   score[s, c] = state[s] . table[items[s C + c]]
// items [B C], table [V, H], state [B, H]; score [B, C] is assigned.
template <class T>
void item_scores_forward(const ExecSpace& exec, Vector<const int> items, Matrix<const T> table, Matrix<const T> state,
                         Matrix<T> score);

// d_score [B, C]; d_state [B, H] and d_rows [B C, H] are assigned. d_rows are the gradients of the table's rows, one
// for each score, for embedding_backward.
template <class T>
void item_scores_backward(const ExecSpace& exec, Vector<const int> items, Matrix<const T> table, Matrix<const T> state,
                          Matrix<const T> d_score, Matrix<T> d_state, Matrix<T> d_rows);

}  // namespace recpo::kernels
