#pragma once
// Token embedding: out[t] = table[tokens[t]].
// The backward adds out's gradient into the rows of the table. To give the same bits for any number of threads it
// works on the tokens grouped by id: group g holds rows order[begin[g] .. begin[g+1]) of the batch, in rising order.
// A table may hold the rows of tokens [first_token, first_token + V) only (vocabulary parallelism): tokens of other
// shards give zero rows, and no gradient.

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

}  // namespace recpo::kernels
