// The heap against the definition: scan all neighbours, merge the leftmost pair of lowest rank, repeat.

#include <gtest/gtest.h>

#include <set>

#include "src/support/random.hpp"
#include "src/text/byte_pair_encoder.hpp"

namespace recpo::text {
namespace {

using Ids = std::vector<std::int32_t>;

Ids encode_naively(const std::string& piece, const std::vector<Merge>& merges) {
  Ids ids(piece.begin(), piece.end());
  while (true) {
    const Merge* best = nullptr;
    std::size_t position = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      for (const Merge& merge : merges) {
        const bool fits = merge.left == ids[i] && merge.right == ids[i + 1];
        if (fits && (!best || merge.rank < best->rank)) {
          best = &merge;
          position = i;
        }
      }
    }
    if (!best) return ids;
    ids[position] = best->result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(position) + 1);
  }
}

// Merges of tokens already there, in an order of ranks that is not the order of making: ranks need not be consistent.
std::vector<Merge> random_merges(Random& random, std::size_t count) {
  std::vector<Merge> merges;
  std::vector<std::int32_t> tokens = {'a', 'b', 'c'};
  std::set<std::pair<std::int32_t, std::int32_t>> pairs;
  while (merges.size() < count) {
    const std::int32_t left = tokens[random.below(tokens.size())], right = tokens[random.below(tokens.size())];
    if (!pairs.emplace(left, right).second) continue;
    const auto token = static_cast<std::int32_t>(256 + merges.size());
    merges.push_back({left, right, 0, token});
    tokens.push_back(token);
  }
  std::vector<std::int32_t> ranks(count);
  for (std::size_t i = 0; i < count; ++i) ranks[i] = static_cast<std::int32_t>(i);
  random.shuffle(ranks);
  for (std::size_t i = 0; i < count; ++i) merges[i].rank = ranks[i];
  return merges;
}

std::array<std::int32_t, 256> identity_bytes() {
  std::array<std::int32_t, 256> ids;
  for (int byte = 0; byte < 256; ++byte) ids[static_cast<std::size_t>(byte)] = byte;
  return ids;
}

TEST(BytePairEncoder, EqualsTheDefinition) {
  std::size_t merged = 0;
  for (std::uint64_t trial = 0; trial < 300; ++trial) {
    Random random(1, "merges", trial);
    const std::vector<Merge> merges = random_merges(random, 1 + random.below(24));
    const BytePairEncoder encoder(identity_bytes(), merges);
    std::string piece;
    for (std::uint64_t n = 1 + random.below(60); n > 0; --n) piece += static_cast<char>('a' + random.below(3));
    Ids ids;
    encoder.encode(piece, ids);
    ASSERT_EQ(ids, encode_naively(piece, merges)) << piece;
    merged += piece.size() - ids.size();
  }
  EXPECT_GT(merged, 1000u);
}

TEST(BytePairEncoder, WholePieces) {
  const std::vector<Merge> merges = {{'a', 'b', 0, 256}, {'b', 'c', 1, 257}, {'a', 257, 2, 258}};  // abc is 256 'c'
  BytePairEncoder with_merges(identity_bytes(), merges), at_once(identity_bytes(), merges);
  with_merges.add_whole_piece("abc", 258, true);
  at_once.add_whole_piece("abc", 258, false);
  Ids ids;
  with_merges.encode("abc", ids);
  EXPECT_EQ(ids, (Ids{256, 'c'}));
  ids.clear();
  at_once.encode("abc", ids);
  EXPECT_EQ(ids, (Ids{258}));
}

TEST(BytePairEncoder, LongPieceTakesNoQuadraticTime) {
  const BytePairEncoder encoder(identity_bytes(), {{'a', 'a', 0, 256}, {256, 256, 1, 257}, {257, 257, 2, 258}});
  Ids ids;
  encoder.encode(std::string(std::size_t{1} << 20, 'a'), ids);  // a quadratic scan would take minutes
  EXPECT_EQ(ids, Ids(std::size_t{1} << 17, 258));
}

TEST(BytePairEncoder, DropsBytesWithoutToken) {
  auto bytes = identity_bytes();
  bytes['x'] = BytePairEncoder::kNoToken;
  const BytePairEncoder encoder(bytes, {{'a', 'b', 0, 256}});
  Ids ids;
  encoder.encode("xaxbx", ids);
  EXPECT_EQ(ids, Ids{256});
  ids.clear();
  encoder.encode("x", ids);
  EXPECT_TRUE(ids.empty());
}

}  // namespace
}  // namespace recpo::text
