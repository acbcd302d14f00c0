// The block of device memory: where parts lie, that they come back, and what happens where there is no room.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "src/support/memory_pool.hpp"
#include "src/support/random.hpp"
#include "tests/support/host_values.hpp"

namespace recpo::test {
namespace {

constexpr std::int64_t kAlignment = MemoryPool::kAlignment;

bool inside(const PoolVector<float>& inner, const PoolVector<float>& outer) {
  return inner.data() >= outer.data() && inner.data() < outer.data() + outer.size();
}

TEST(MemoryPool, PartsAreZeroAlignedAndApart) {
  const MemoryPool block(4096);
  std::vector<PoolVector<float>> parts;
  for (const std::int64_t size : {1, 64, 65, 300}) {
    PoolVector<float> part("recpo::test::part", size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(part.data()) % kAlignment, 0u);
    for (const float x : host_values(part.view())) EXPECT_EQ(x, 0.0f);
    Kokkos::deep_copy(part.view(), static_cast<float>(size));
    parts.push_back(std::move(part));
  }
  for (const PoolVector<float>& part : parts) {
    for (const float x : host_values(part.view())) EXPECT_EQ(x, static_cast<float>(part.size()));
  }
  EXPECT_EQ(block.bytes_taken(), (1 + 1 + 2 + 5) * kAlignment);
  EXPECT_EQ(block.bytes_refused(), 0);
}

TEST(MemoryPool, HoldsAsMuchAsItWasMadeForInManyParts) {
  for (const std::int64_t parts : {1, 7, 64}) {
    const std::int64_t each = 1000;
    const MemoryPool block(parts * each);
    std::vector<PoolVector<char>> all;
    for (std::int64_t i = 0; i < parts; ++i) all.push_back(PoolVector<char>::uninitialized("recpo::test", each));
    EXPECT_EQ(block.bytes_refused(), 0) << parts;
    EXPECT_EQ(block.bytes_taken(), parts * 1024);
  }
}

// Parts of random sizes come and go in random order; each keeps its bytes, and in the end the block is whole again.
TEST(MemoryPool, GivesBackWhatItGave) {
  const MemoryPool block(1 << 16);
  const std::size_t gaps = block.gaps();
  std::vector<std::pair<PoolVector<int>, int>> parts;
  Random random(7, "device memory");
  for (int i = 0; i < 2000; ++i) {
    if (parts.size() < 20 && random.next() % 2 == 0) {
      auto part = PoolVector<int>::uninitialized("recpo::test", 1 + static_cast<std::int64_t>(random.next() % 700));
      Kokkos::deep_copy(part.view(), i);
      parts.emplace_back(std::move(part), i);
    } else if (!parts.empty()) {
      const std::size_t which = random.next() % parts.size();
      for (const int x : host_values(parts[which].first.view())) ASSERT_EQ(x, parts[which].second);
      std::swap(parts[which], parts.back());
      parts.pop_back();
    }
  }
  parts.clear();
  EXPECT_EQ(block.bytes_taken(), 0);
  EXPECT_EQ(block.gaps(), gaps);
  EXPECT_EQ(block.bytes_refused(), 0);
}

TEST(MemoryPool, WithoutRoomOrBlockAVectorIsItsOwn) {
  PoolVector<float> alone("recpo::test::alone", 100);
  {
    const MemoryPool block(1024);
    const std::int64_t room = 1024 / 4 + MemoryPool::kMaxParts * kAlignment / 4;
    const PoolVector<float> most("recpo::test::most", room);
    EXPECT_EQ(block.bytes_refused(), 0);
    const PoolVector<float> more("recpo::test::more", 100);
    EXPECT_FALSE(inside(more, most));
    EXPECT_FALSE(inside(alone, most));
    EXPECT_EQ(block.bytes_refused(), 400);
    for (const float x : host_values(more.view())) EXPECT_EQ(x, 0.0f);
  }
  EXPECT_EQ(MemoryPool::current(), nullptr);
  EXPECT_EQ(alone.bytes(), 400);
}

TEST(MemoryPool, MovesKeepTheMemoryOnce) {
  const MemoryPool block(4096);
  PoolVector<float> first("recpo::test::first", 10);
  const float* data = first.data();
  PoolVector<float> second = std::move(first);
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(first.size(), 0);
  EXPECT_EQ(block.bytes_taken(), kAlignment);
  second = PoolVector<float>("recpo::test::other", 200);
  EXPECT_EQ(block.bytes_taken(), 4 * kAlignment);
  second = {};
  EXPECT_EQ(block.bytes_taken(), 0);
}

}  // namespace
}  // namespace recpo::test
