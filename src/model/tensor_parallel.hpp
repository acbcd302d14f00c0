#pragma once
// How tensor parallelism (Shoeybi et al. 2019) cuts a decoder into equal shards. Shard r of S holds
//   whole heads       q, k, v rows and o columns of N / S query heads and their G / S key/value heads
//   the feed-forward  F / S rows of gate and up, columns of down
//   the vocabulary    rows [r Vp, (r + 1) Vp) of embedding and head, Vp = ceil(V / S); rows beyond V are padding: zero
//                     weights, no part in any sum, never in a file
// and all of every norm. With `sequence`, a shard also holds only ceil(T / S) of a micro-batch's T tokens between the
// projections (Korthikanti et al. 2022): sums over shards become reduce-scatters, inputs of projections are gathered.

#include <algorithm>

#include "src/model/config.hpp"
#include "src/parallel/communicator.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

struct Shard {
  int rank = 0, size = 1;
};

// Throws kUsage where the shape cannot be cut so: tp must divide key/value heads, query heads, feed-forward and hidden
// size, and leave every shard a token.
void check_tensor_parallel(const LlamaConfig& config, int tp);

// The decoder of one shard: its heads, feed-forward width and (padded) vocabulary rows; hidden size unchanged.
LlamaConfig shard_config(const LlamaConfig& config, int tp);

struct VocabularyShard {
  int first = 0, count = 0;  // tokens; count leaves the padding out
};
VocabularyShard vocabulary_shard(const LlamaConfig& config, const Shard& shard);

// This rank's place among the shards. Without a communicator it serves to plan memory only.
struct TensorParallel {
  Shard place;
  bool sequence = false;
  parallel::Communicator* communicator = nullptr;

  TensorParallel() = default;
  TensorParallel(parallel::Communicator& shards, bool sequence_parallel)
      : place{shards.rank(), shards.size()}, sequence(sequence_parallel), communicator(&shards) {}
  TensorParallel(const Shard& planned, bool sequence_parallel) : place(planned), sequence(sequence_parallel) {}

  const Shard& shard() const { return place; }
  bool is_split() const { return place.size > 1; }
  bool sequence_parallel() const { return sequence && is_split(); }
};

// Sequence parallelism: the rows (tokens) of a micro-batch over the tensor-parallel shards. Which rows are this shard's
// own between projections, the gather of all rows before a projection, and the sum over shards back to their owners.
// Without split tokens every shard owns all rows, gathering does nothing and a sum is an all-reduce.
// With split tokens shard r owns rows [r Tp, (r + 1) Tp) of T, Tp = ceil(T / S); a gather is an all-gather and a sum a
// reduce-scatter. Collective over the shards; the memory is the caller's.
template <class T>
class SequenceShards {
 public:
  // `gathered` and `summed`: [S ceil(T / S), H], only where tokens are split.
  SequenceShards(const TensorParallel& tensor, std::int64_t tokens, Matrix<T> gathered, Matrix<T> summed)
      : tensor_(tensor), tokens_(tokens), gathered_(gathered), summed_(summed) {
    if (!splits()) return;
    const Shard shard = tensor.shard();
    rows_ = (tokens + shard.size - 1) / shard.size;
    begin_ = std::min<std::int64_t>(tokens, rows_ * shard.rank);
    count_ = std::min<std::int64_t>(tokens - begin_, rows_);
  }

  std::int64_t tokens() const { return tokens_; }                   // T
  std::int64_t own() const { return splits() ? count_ : tokens_; }  // Ts
  bool splits() const { return tensor_.sequence_parallel(); }
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
