// Run on 1, 2, 3, 4 and 8 ranks: sums have the bits of the documented tree, gathers keep rank order.

#include <gtest/gtest.h>

#include <functional>

#include "src/parallel/communicator.hpp"
#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::test {
namespace {

constexpr std::int64_t kSizes[] = {1, 2, 7, 1000};

template <class T>
std::vector<T> values_of_rank(int rank, std::int64_t n) {
  Random random(3, "rank", static_cast<std::uint64_t>(rank));
  std::vector<T> values(static_cast<std::size_t>(n));
  for (T& value : values) value = static_cast<T>(random.normal() * std::exp(5 * random.normal()));
  return values;
}

// ((r0 + r1) + (r2 + r3)) + ...; a missing right half leaves the left as it is.
template <class T>
T tree_sum(int begin, int count, int ranks, const std::function<T(int)>& value) {
  if (count == 1) return value(begin);
  const T left = tree_sum<T>(begin, count / 2, ranks, value);
  return begin + count / 2 < ranks ? left + tree_sum<T>(begin + count / 2, count / 2, ranks, value) : left;
}

template <class T>
void expect_tree_sum() {
  const parallel::ProcessGrid grid = parallel::make_process_grid("auto", 1);
  const int ranks = grid.dp->size();
  int width = 1;
  while (width < ranks) width *= 2;
  for (const std::int64_t n : kSizes) {
    OwnedVector<T> data("data", n);
    const std::vector<T> mine = values_of_rank<T>(grid.dp->rank(), n);
    std::copy(mine.begin(), mine.end(), data.data());
    grid.dp->all_reduce_sum(ExecSpace{}, data);
    std::vector<std::vector<T>> all;
    for (int r = 0; r < ranks; ++r) all.push_back(values_of_rank<T>(r, n));
    for (std::int64_t i = 0; i < n; ++i) {
      const T expected = tree_sum<T>(
          0, width, ranks, [&](int r) { return all[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)]; });
      ASSERT_EQ(data(i), expected) << "element " << i << " of " << n << " on " << ranks << " ranks";
    }
  }
}

TEST(Communicator, SumsFloatsAlongTheTree) { expect_tree_sum<float>(); }
TEST(Communicator, SumsDoublesAlongTheTree) { expect_tree_sum<double>(); }

TEST(Communicator, GathersStringsOfUnlikeLength) {
  const parallel::ProcessGrid grid = parallel::make_process_grid("auto", 1);
  const std::string mine(static_cast<std::size_t>(grid.dp->rank() * 3), static_cast<char>('a' + grid.dp->rank()));
  const std::vector<std::string> all = grid.dp->all_gather(mine);
  ASSERT_EQ(static_cast<int>(all.size()), grid.dp->size());
  for (int r = 0; r < grid.dp->size(); ++r) {
    EXPECT_EQ(all[static_cast<std::size_t>(r)],
              std::string(static_cast<std::size_t>(r * 3), static_cast<char>('a' + r)));
  }
}

TEST(Communicator, BroadcastsAndFindsTheLargest) {
  const parallel::ProcessGrid grid = parallel::make_process_grid("auto", 1);
  std::vector<int> data(5, grid.world->rank());
  parallel::broadcast(*grid.world, std::span<int>(data), grid.world->size() - 1);
  EXPECT_EQ(data, std::vector<int>(5, grid.world->size() - 1));
  EXPECT_EQ(grid.world->all_reduce_max(grid.world->rank() == 0 ? 7 : -1), 7);
}

TEST(Communicator, CountsBytesAsARingSendsThem) {
  const parallel::ProcessGrid grid = parallel::make_process_grid("auto", 1);
  const int ranks = grid.dp->size();
  OwnedVector<float> data("data", 960);
  grid.dp->all_reduce_sum(ExecSpace{}, data);
  EXPECT_EQ(grid.dp->sent_bytes(), 2 * 960 * (ranks - 1) / ranks * 4);
}

TEST(ProcessGrid, RefusesATensorAxisThatDoesNotDivideTheRanks) {
  try {
    parallel::make_process_grid("auto", 16);
    FAIL() << "16 does not divide the ranks of this test";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
  }
}

}  // namespace
}  // namespace recpo::test
