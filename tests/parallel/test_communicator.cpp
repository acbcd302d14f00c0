// Run on 1, 2, 3, 4 and 8 ranks: sums have the bits of the documented tree, gathers keep rank order, a failure leaves
// messages their memory.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "src/parallel/communicator.hpp"
#include "src/support/check.hpp"
#include "src/support/memory_pool.hpp"
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

// Of element i over all ranks, formed in Accumulate<T> and rounded to T once.
template <class T>
T tree_sum_of(const std::vector<std::vector<T>>& all, std::int64_t i) {
  const auto ranks = static_cast<int>(all.size());
  int width = 1;
  while (width < ranks) width *= 2;
  return static_cast<T>(tree_sum<Accumulate<T>>(
      0, width, ranks, [&](int r) { return all[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)]; }));
}

template <class T>
std::vector<std::vector<T>> values_of_all(int ranks, std::int64_t n) {
  std::vector<std::vector<T>> all;
  for (int r = 0; r < ranks; ++r) all.push_back(values_of_rank<T>(r, n));
  return all;
}

template <class T>
void expect_tree_sum() {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  const int ranks = grid.dp->size();
  for (const std::int64_t n : kSizes) {
    OwnedVector<T> data("data", n);
    const std::vector<std::vector<T>> all = values_of_all<T>(ranks, n);
    std::copy_n(all[static_cast<std::size_t>(grid.dp->rank())].data(), n, data.data());
    grid.dp->all_reduce_sum(ExecSpace{}, data);
    for (std::int64_t i = 0; i < n; ++i) {
      ASSERT_EQ(data(i), tree_sum_of(all, i)) << "element " << i << " of " << n << " on " << ranks << " ranks";
    }
  }
}

TEST(Communicator, SumsFloatsAlongTheTree) { expect_tree_sum<float>(); }
TEST(Communicator, SumsDoublesAlongTheTree) { expect_tree_sum<double>(); }
// A sum of bfloat16 along the way would lose what a small term adds to a large one.
TEST(Communicator, SumsBfloat16InFloatAndRoundsOnce) { expect_tree_sum<Bfloat16>(); }

TEST(Communicator, GathersStringsOfUnlikeLength) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  const std::string mine(static_cast<std::size_t>(grid.dp->rank() * 3), static_cast<char>('a' + grid.dp->rank()));
  const std::vector<std::string> all = grid.dp->all_gather(mine);
  ASSERT_EQ(static_cast<int>(all.size()), grid.dp->size());
  for (int r = 0; r < grid.dp->size(); ++r) {
    EXPECT_EQ(all[static_cast<std::size_t>(r)],
              std::string(static_cast<std::size_t>(r * 3), static_cast<char>('a' + r)));
  }
}

TEST(Communicator, BroadcastsAndFindsTheLargest) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  std::vector<int> data(5, grid.world->rank());
  parallel::broadcast(*grid.world, std::span<int>(data), grid.world->size() - 1);
  EXPECT_EQ(data, std::vector<int>(5, grid.world->size() - 1));
  EXPECT_EQ(grid.world->all_reduce_max(grid.world->rank() == 0 ? 7 : -1), 7);
}

// Several collectives under way at once, as the backward pass has them.
template <class T>
void expect_slices_in_order() {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  parallel::Communicator& dp = *grid.dp;
  const int ranks = dp.size();
  const std::int64_t slice = 5000, n = slice * ranks;  // longer than a block of the sum
  const std::vector<std::vector<T>> all = values_of_all<T>(ranks, n);
  OwnedVector<T> first("first", n), second("second", n);
  std::copy_n(all[static_cast<std::size_t>(dp.rank())].data(), n, first.data());
  std::copy_n(all[static_cast<std::size_t>(dp.rank())].data(), n, second.data());
  auto one = dp.start_reduce_scatter_sum(ExecSpace{}, first), two = dp.start_reduce_scatter_sum(ExecSpace{}, second);
  one->progress();
  two->wait(ExecSpace{});
  one->wait(ExecSpace{});
  for (std::int64_t i = dp.rank() * slice; i < (dp.rank() + 1) * slice; ++i) {
    ASSERT_EQ(first(i), tree_sum_of(all, i));
    ASSERT_EQ(second(i), tree_sum_of(all, i));
  }
  dp.all_gather(ExecSpace{}, first);
  for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(first(i), tree_sum_of(all, i)) << i;
}

TEST(Communicator, ReduceScattersAndGathersSlicesInOrder) { expect_slices_in_order<float>(); }
TEST(Communicator, ReduceScattersAndGathersSlicesOfBfloat16) { expect_slices_in_order<Bfloat16>(); }

// Every pattern, NaNs and zeros of either sign among them, each on another rank's slice for another number of ranks.
TEST(Communicator, GathersBfloat16BitForBit) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  const std::int64_t slice = 0x10000, n = slice * grid.dp->size();
  const auto pattern = [](std::int64_t i) { return static_cast<std::uint16_t>(i * 0x9E37 + i / slice); };
  OwnedVector<Bfloat16> data("data", n);
  for (std::int64_t i = grid.dp->rank() * slice; i < (grid.dp->rank() + 1) * slice; ++i)
    data(i) = Bfloat16::from_bits(pattern(i));
  grid.dp->all_gather(ExecSpace{}, data);
  for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(data(i).bits, pattern(i)) << i;
}

template <class T>
void expect_bytes_of_a_ring() {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  const int ranks = grid.dp->size();
  OwnedVector<T> data("data", 960 * ranks);
  grid.dp->all_reduce_sum(ExecSpace{}, data);
  grid.dp->reduce_scatter_sum(ExecSpace{}, data);
  grid.dp->all_gather(ExecSpace{}, data);
  const std::int64_t moved = 960 * (ranks - 1) * static_cast<std::int64_t>(sizeof(T));
  EXPECT_EQ(grid.dp->traffic().all_reduce, 2 * moved);
  EXPECT_EQ(grid.dp->traffic().reduce_scatter, moved);
  EXPECT_EQ(grid.dp->traffic().all_gather, moved);
}

TEST(Communicator, CountsBytesAsARingSendsThem) {
  expect_bytes_of_a_ring<float>();
  expect_bytes_of_a_ring<Bfloat16>();
}

// Rank 0 fails with messages under way, and its vector goes; the others complete the exchange with it all the same.
TEST(Communicator, MessagesUnderWayKeepTheirMemoryWhenAnExceptionUnwinds) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kMpi, 1);
  const int ranks = grid.dp->size(), rank = grid.dp->rank();
  if (ranks == 1) return;
  const std::int64_t slice = std::int64_t{1} << 20, n = slice * ranks;  // given back to the system where it is freed
  const ExecSpace exec;
  const float* kept = nullptr;
  const auto expect_all = [&](const float* values) {
    for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(values[i], static_cast<float>(i / slice)) << i;
  };
  try {
    const MemoryPool pool(n * static_cast<std::int64_t>(sizeof(float)));
    const PoolVector<float> data("recpo::test_communicator::data", n), gradients("recpo::test_communicator::own", n);
    kept = data.data();
    std::fill_n(data.data() + rank * slice, slice, static_cast<float>(rank));
    const auto gather = grid.dp->start_all_gather(exec, data.view());
    const auto scatter = grid.dp->start_reduce_scatter_sum(exec, gradients.view());
    if (rank == 0) throw std::runtime_error("as told");
    grid.world->barrier();  // rank 0 has unwound
    gather->wait(exec);
    scatter->wait(exec);
    expect_all(data.data());
    for (std::int64_t i = rank * slice; i < (rank + 1) * slice; ++i) ASSERT_EQ(gradients.data()[i], 0.0F);
  } catch (const std::runtime_error&) {
    const std::vector<float> others(static_cast<std::size_t>(4 * n), -1.0F);  // where it may have been
    grid.world->barrier();
    grid.world->barrier_while([] { return true; });
    expect_all(kept);
    return;
  }
  grid.world->barrier_while([] { return true; });
}

TEST(ProcessGrid, TensorRanksAreNeighbours) {
  const parallel::ProcessGrid world = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  const int ranks = world.world->size(), rank = world.world->rank();
  if (ranks % 2 != 0) return;  // no axis of two
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 2);
  EXPECT_EQ(grid.tp->size(), 2);
  EXPECT_EQ(grid.dp->size(), ranks / 2);
  EXPECT_EQ(grid.tp->rank(), rank % 2);
  EXPECT_EQ(grid.dp->rank(), rank / 2);
}

TEST(ProcessGrid, TakesTheFirstRanksOfTheWorld) {
  const parallel::ProcessGrid world = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  const parallel::ProcessGrid one = parallel::make_process_grid(parallel::Backend::kAuto, 1, 1);
  EXPECT_EQ(one.dp != nullptr, world.world->rank() == 0);
  if (one.dp) {
    EXPECT_EQ(one.dp->size(), 1);
  }
}

TEST(ProcessGrid, RefusesATensorAxisThatDoesNotDivideTheRanks) {
  try {
    parallel::make_process_grid(parallel::Backend::kAuto, 16);
    FAIL() << "16 does not divide the ranks of this test";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
  }
}

}  // namespace
}  // namespace recpo::test
