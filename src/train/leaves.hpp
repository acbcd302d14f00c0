#pragma once
// A global batch as fixed leaves, so that its gradient does not depend on the number of ranks. The batch is cut into
// `count` leaves of consecutive rows; the gradient of a leaf is computed on one rank, and leaves are added along a
// fixed binary tree: within a rank by GradientTree, across ranks by Communicator::all_reduce_sum. With a power of two
// of ranks, at most `count`, every association is the same as on one rank, so losses and weights have the same bits. A
// rank with 2^k leaves holds k additional gradient buffers.

#include <vector>

#include "src/support/views.hpp"

namespace recpo::train {

struct LeafPlan {
  std::int64_t global_batch = 0;
  int count = 1;            // leaves of the global batch
  int first = 0, last = 0;  // this rank's leaves [first, last)

  // Rows of the batch that make leaf `leaf`: [begin, end).
  std::int64_t begin(int leaf) const { return leaf * global_batch / count; }
  std::int64_t end(int leaf) const { return (leaf + 1) * global_batch / count; }
};

// The largest power of two of leaves within `wanted` and the batch; more when there are more ranks; a multiple of the
// ranks. Throws kUsage when there are more ranks than rows in a global batch.
LeafPlan plan_leaves(std::int64_t global_batch, std::int64_t wanted, int ranks, int rank);

// Adds the gradients of a rank's leaves pairwise, like a binary counter: two sums of the same number of leaves become
// one. After the last leaf the sum is in `gradient`. The number of leaves must be a power of two, or they are added in
// the order the counter gives (fixed, but not the tree of other rank counts).
template <class T>
class GradientTree {
 public:
  // `gradient` is the memory every leaf's backward pass adds to; zero it through begin_leaf().
  explicit GradientTree(Vector<T> gradient) : gradient_(gradient) {}

  void begin_leaf(const ExecSpace& exec);
  void end_leaf(const ExecSpace& exec, bool last);
  std::int64_t bytes() const;

 private:
  struct Partial {
    OwnedVector<T> sum;
    bool filled = false;
  };
  Vector<T> gradient_;
  std::vector<Partial> levels_;
};

}  // namespace recpo::train
