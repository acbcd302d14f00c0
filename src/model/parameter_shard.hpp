#pragma once
// The part of a store that one data-parallel rank owns under ZeRO (Rajbhandari et al. 2020): of each bucket one slice,
// the r-th of R equal ones. Optimizer states live in shard storage, the owned slices one after the other in bucket
// order. Slices are whole chunks, equal parts of a bucket whose number depends on R as little as possible, so that sums
// over chunks have the same bits for 1, 2, 4, .., 64 ranks. Knows offsets only; no memory, not collective.

#include <cstdint>
#include <vector>

#include "src/model/parameter_store.hpp"

namespace recpo::model {

inline constexpr std::int64_t kChunkAlignment = 16;  // elements, 64 bytes of float
constexpr std::int64_t chunks_of_bucket(int ranks) { return 64 % ranks == 0 ? 64 : (64 / ranks + 1) * ranks; }

// Elements of one parameter inside an owned slice.
struct ShardPiece {
  std::size_t parameter = 0;
  std::int64_t begin = 0, end = 0;  // elements of the held matrix, row-major
  std::int64_t store_offset = 0;    // of the first one in weights()
  std::int64_t shard_offset = 0;    // and in shard storage
  std::int64_t size() const { return end - begin; }
};

class ParameterShard {
 public:
  // Throws kInternal where the store was not laid out for so many ranks.
  template <class T>
  ParameterShard(const ParameterStore<T>& store, int rank, int ranks)
      : ParameterShard(store.parameters(), store.buckets(), rank, ranks) {}
  ParameterShard(const std::vector<Parameter>& parameters, const std::vector<Bucket>& buckets, int rank, int ranks);

  int rank() const { return rank_; }
  int ranks() const { return ranks_; }
  std::int64_t size() const { return size_; }  // elements of shard storage
  const std::vector<ShardPiece>& pieces() const { return pieces_; }

  // The owned slice of a bucket.
  struct Slice {
    std::int64_t begin = 0, end = 0;  // within the bucket
    std::int64_t shard_offset = 0;
    std::int64_t size() const { return end - begin; }
  };
  const Slice& slice(std::size_t bucket) const { return slices_[bucket]; }
  std::int64_t chunks() const { return chunks_of_bucket(ranks_); }  // of a whole bucket

 private:
  int rank_, ranks_;
  std::int64_t size_ = 0;
  std::vector<Slice> slices_;
  std::vector<ShardPiece> pieces_;
};

}  // namespace recpo::model
