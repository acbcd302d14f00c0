#pragma once
// A global batch as fixed leaves, so that its gradient does not depend on the number of ranks. The batch is cut into
// rounds of `count` leaves of consecutive rows; the gradient of a leaf is computed on one rank, the leaves of a round
// are added along a fixed binary tree (within a rank by LeafSums, across ranks by the communicator), and
// rounds one after the other. With a power of two of ranks, at most `count`, every association is the same as on one
// rank, so losses and weights have the same bits.
//
// Where gradients stay with a rank until the batch is done (ZeRO 0 and 1) there is one round, and a rank's leaves are
// neighbours: they are added on the rank first. Where they leave with every leaf (ZeRO 2) a leaf is one micro-batch,
// and leaves are dealt in turn: what is added across ranks first is then a subtree of neighbours too.

#include <cstdint>
#include <vector>

#include "src/support/memory_pool.hpp"

namespace recpo::train {

struct LeafPlan {
  std::int64_t global_batch = 0;
  int rounds = 1, count = 1;  // count leaves a round
  int ranks = 1, rank = 0;
  bool leaves_at_once = false;  // ZeRO 2

  int own() const { return count / ranks; }                                               // leaves of a rank in a round
  int leaf(int i) const { return leaves_at_once ? i * ranks + rank : rank * own() + i; }  // the rank's i-th
  // Rows of the batch that make a leaf: [begin, end); empty where there are more leaves than rows.
  std::int64_t begin(int round, int leaf) const {
    return (static_cast<std::int64_t>(round) * count + leaf) * global_batch /
           (static_cast<std::int64_t>(rounds) * count);
  }
  std::int64_t end(int round, int leaf) const { return begin(round, leaf + 1); }
  std::int64_t most_rows() const {
    return (global_batch + rounds * count - 1) / (static_cast<std::int64_t>(rounds) * count);
  }
};

// The largest power of two of leaves a round within `wanted` and the batch; more when there are more ranks; a multiple
// of the ranks. rows_of_micro_batch > 0 asks for leaves of at most so many rows, by more rounds. Throws kUsage when
// there are more ranks than rows in a global batch.
LeafPlan plan_leaves(std::int64_t global_batch, std::int64_t wanted, int ranks, int rank,
                     std::int64_t rows_of_micro_batch = 0);

// Adds the gradients of a rank's leaves pairwise, bucket by bucket, like a binary counter: two sums of the same number
// of leaves become one. With 2^k leaves that is the binary tree over them, for k additional buffers; other numbers are
// added in the order the counter gives (fixed, but not the tree of other rank counts).
template <class T>
class LeafSums {
 public:
  // Buffers of `size` elements are made when first needed, in which bucket b begins at offsets[b].
  LeafSums(std::vector<std::int64_t> offsets, std::int64_t size) : offsets_(std::move(offsets)), size_(size) {}

  // One more leaf's gradient of a bucket. After the last one `gradient` holds the sum of all; before, it is put aside.
  void add(const ExecSpace& exec, std::size_t bucket, Vector<T> gradient, bool last);
  std::int64_t bytes() const { return static_cast<std::int64_t>(levels_.size()) * size_ * sizeof(T); }

 private:
  struct Level {
    PoolVector<T> sums;
    std::vector<bool> filled;  // by bucket
  };
  Vector<T> place(const Level& level, std::size_t bucket, std::int64_t size) const {
    return level.sums.part(offsets_[bucket], size);
  }

  std::vector<std::int64_t> offsets_;
  std::int64_t size_;
  std::vector<Level> levels_;
};

}  // namespace recpo::train
