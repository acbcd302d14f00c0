#pragma once
// Scores of a few items for each sequence: the product of its state with their rows of a table.
//   score[s, c] = state[s] . table[items[s C + c]]
// All memory is the caller's. Asynchronous on `exec`, local to the calling rank. For the types of sums.

#include "src/support/views.hpp"

namespace recpo::kernels {

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
