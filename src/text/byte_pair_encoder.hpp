#pragma once
// Byte-level BPE (Sennrich et al. 2016; Radford et al. 2019): a piece starts as single bytes; of all neighbours that
// merge, the pair of lowest rank does (the leftmost of equals), until none is left. O(n log n) in the piece's length.
// Immutable, so safe to share between threads.

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace recpo::text {
// The merges of a byte-level BPE: (left token, right token) -> (rank, merged token). Open addressing with linear
// probing at most half full; the inner loop of encoding is one look-up here.

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

class BytePairEncoder {
 public:
  static constexpr std::int32_t kNoToken = -1;

  BytePairEncoder() = default;
  // `byte_ids`: the token of each byte; a byte without one (kNoToken) is dropped from pieces, as Hugging Face does.
  BytePairEncoder(const std::array<std::int32_t, 256>& byte_ids, const std::vector<Merge>& merges);

  // Declares a token that pieces may consist of. With `needs_merges` it is used at once only where its bytes merge to
  // it anyway; without, a piece equal to it becomes the token regardless of merges (HF's ignore_merges, tiktoken).
  void add_whole_piece(std::string bytes, std::int32_t id, bool needs_merges);

  // Appends the tokens of one piece.
  void encode(std::string_view piece, std::vector<std::int32_t>& ids) const;

 private:
  void merge_bytes(std::string_view piece, std::vector<std::int32_t>& ids) const;

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::array<std::int32_t, 256> byte_ids_{};
  PairTable merges_;
  std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>> whole_pieces_;
};

}  // namespace recpo::text
