#pragma once
// The rows (tokens) of a micro-batch across the shards of tensor parallelism: which are this shard's own between the
// projections, how all of them come together before a projection, and how a sum over shards goes back to its owners.
// Without split tokens every shard owns all rows, gathering does nothing and a sum is an all-reduce.
// With split tokens shard r owns rows [r Tp, (r + 1) Tp) of T, Tp = ceil(T / S); a gather is an all-gather and a sum a
// reduce-scatter. Collective over the shards; the memory is the caller's.

#include <algorithm>

#include "src/model/tensor_parallel.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

template <class T>
class TensorRows {
 public:
  // `gathered` and `summed`: [S ceil(T / S), H], only where tokens are split.
  TensorRows(const TensorParallel& tensor, std::int64_t tokens, Matrix<T> gathered, Matrix<T> summed)
      : tensor_(tensor), tokens_(tokens), gathered_(gathered), summed_(summed) {
    if (!splits()) return;
    const Shard shard = tensor.shard();
    rows_ = (tokens + shard.size - 1) / shard.size;
    begin_ = std::min<std::int64_t>(tokens, rows_ * shard.rank);
    count_ = std::min<std::int64_t>(tokens - begin_, rows_);
  }

  std::int64_t tokens() const { return tokens_; }                   // T
  std::int64_t own() const { return splits() ? count_ : tokens_; }  // Ts
  bool splits() const { return tensor_.splits_tokens(); }
  bool is_first() const { return tensor_.shard().rank == 0; }

  // All rows [T, H] of what each shard owns, valid until the next gather.
  Matrix<T> gather(const ExecSpace& exec, const Matrix<T>& own) const {
    if (!splits()) return own;
    Kokkos::deep_copy(exec, own_rows(gathered_), own);
    tensor_.communicator->all_gather(exec, gathered_);
    return all_rows(gathered_);
  }

  // Where to put [T, H] partial results that are to be summed: `otherwise`, unless tokens are split.
  Matrix<T> partial(const Matrix<T>& otherwise) const { return splits() ? all_rows(summed_) : otherwise; }
  // The sum over shards of what is in partial(): this shard's own rows.
  Matrix<T> sum(const ExecSpace& exec, const Matrix<T>& partial) const {
    if (!tensor_.is_split()) return partial;
    if (!splits()) {
      tensor_.communicator->all_reduce_sum(exec, partial);
      return partial;
    }
    tensor_.communicator->reduce_scatter_sum(exec, summed_);
    return own_rows(summed_);
  }
  // This shard's own rows of [T, H] that every shard has.
  Matrix<T> own_of(const Matrix<T>& all) const {
    return splits() ? Matrix<T>(all.data() + begin_ * all.extent(1), count_, all.extent(1)) : all;
  }

 private:
  Matrix<T> all_rows(const Matrix<T>& padded) const { return Matrix<T>(padded.data(), tokens_, padded.extent(1)); }
  Matrix<T> own_rows(const Matrix<T>& padded) const {
    return Matrix<T>(padded.data() + rows_ * tensor_.shard().rank * padded.extent(1), count_, padded.extent(1));
  }

  TensorParallel tensor_;
  std::int64_t tokens_ = 0, rows_ = 0, begin_ = 0, count_ = 0;
  Matrix<T> gathered_, summed_;
};

}  // namespace recpo::model
