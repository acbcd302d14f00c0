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

#include "src/text/pair_table.hpp"

namespace recpo::text {

class BytePairEncoder {
 public:
  static constexpr std::int32_t kNoToken = -1;

  BytePairEncoder() = default;
  // `byte_ids`: the token of each byte; a byte without one (kNoToken) is dropped from pieces, as Hugging Face does.
  BytePairEncoder(const std::array<std::int32_t, 256>& byte_ids, const std::vector<Merge>& merges);

  // Declares a token that pieces may consist of. With `needs_merges` it is used at once only where its bytes merge to
  // it anyway; without, a piece equal to it becomes the token whatever the merges say (HF's ignore_merges, tiktoken).
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
