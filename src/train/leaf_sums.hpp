#pragma once
// Adds the gradients of a rank's leaves pairwise, bucket by bucket, like a binary counter: two sums of the same number
// of leaves become one. With 2^k leaves that is the binary tree over them, for k additional buffers; other numbers are
// added in the order the counter gives (fixed, but not the tree of other rank counts).

#include <vector>

#include "src/support/planned_vector.hpp"

namespace recpo::train {

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
    PlannedVector<T> sums;
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
