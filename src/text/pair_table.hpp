#pragma once
// The merges of a byte-level BPE: (left token, right token) -> (rank, merged token). Open addressing with linear
// probing at most half full; the inner loop of encoding is one look-up here.

#include <cstdint>
#include <vector>

namespace recpo::text {

struct Merge {
  std::int32_t left = -1, right = -1;
  std::int32_t rank = -1;  // lower goes first
  std::int32_t result = -1;
};

class PairTable {
 public:
  PairTable() : PairTable(0) {}
  explicit PairTable(std::size_t expected) {
    std::size_t slots = 16;
    while (slots < 2 * expected + 2) slots *= 2;
    slots_.resize(slots);
  }

  // A pair listed again takes its later rank. At most the constructor's `expected` different pairs fit.
  void insert(const Merge& merge) { slots_[slot_of(merge.left, merge.right)] = merge; }

  // nullptr when the two do not merge.
  const Merge* find(std::int32_t left, std::int32_t right) const {
    const Merge& merge = slots_[slot_of(left, right)];
    return merge.left < 0 ? nullptr : &merge;
  }

 private:
  std::size_t slot_of(std::int32_t left, std::int32_t right) const {
    const std::uint64_t key = static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
    std::size_t slot = (key * 0x9E3779B97F4A7C15u) >> 20;
    while (true) {
      slot &= slots_.size() - 1;
      const Merge& merge = slots_[slot];
      if (merge.left < 0 || (merge.left == left && merge.right == right)) return slot;
      ++slot;
    }
  }

  std::vector<Merge> slots_;  // size is a power of two
};

}  // namespace recpo::text
