#include <gtest/gtest.h>

#include <functional>

#include "src/support/check.hpp"
#include "src/support/random.hpp"
#include "src/train/leaves.hpp"
#include "tests/support/host_values.hpp"

namespace recpo::test {
namespace {
using train::plan_leaves;

TEST(Leaves, TileTheBatchForEveryNumberOfRanks) {
  for (const std::int64_t batch : {1, 3, 8, 100, 128}) {
    for (int ranks = 1; ranks <= std::min<std::int64_t>(batch, 9); ++ranks) {
      std::int64_t next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const train::LeafPlan plan = plan_leaves(batch, 8, ranks, rank);
        EXPECT_EQ(plan.count % ranks, 0);
        for (int slot = 0; slot < plan.own(); ++slot) {
          EXPECT_EQ(plan.begin(0, plan.leaf(slot)), next);
          EXPECT_GT(plan.end(0, plan.leaf(slot)), next);
          next = plan.end(0, plan.leaf(slot));
        }
      }
      EXPECT_EQ(next, batch);
    }
  }
}

TEST(Leaves, AreTheSameForOneTwoFourAndEightRanks) {
  for (const int ranks : {1, 2, 4, 8}) EXPECT_EQ(plan_leaves(12, 8, ranks, 0).count, 8) << ranks;
  EXPECT_EQ(plan_leaves(128, 1, 1, 0).count, 1);
}

// Leaves of one micro-batch: rounds of leaves that are dealt in turn, each with at most so many rows.
TEST(Leaves, OfAMicroBatchAreDealtInTurn) {
  for (const std::int64_t batch : {8, 9, 100}) {
    for (const int ranks : {1, 2, 4, 8}) {
      std::vector<int> seen(static_cast<std::size_t>(batch), 0);
      for (int rank = 0; rank < ranks; ++rank) {
        const train::LeafPlan plan = plan_leaves(batch, 8, ranks, rank, 3);
        EXPECT_EQ(plan.count, 8);
        EXPECT_LE(plan.most_rows(), 3);
        for (int round = 0; round < plan.rounds; ++round) {
          for (int slot = 0; slot < plan.own(); ++slot) {
            EXPECT_EQ(plan.leaf(slot) % ranks, rank);
            const std::int64_t begin = plan.begin(round, plan.leaf(slot)), end = plan.end(round, plan.leaf(slot));
            EXPECT_LE(end - begin, 3);
            for (std::int64_t row = begin; row < end; ++row) ++seen[static_cast<std::size_t>(row)];
          }
        }
      }
      EXPECT_EQ(seen, std::vector<int>(static_cast<std::size_t>(batch), 1)) << batch << " rows, " << ranks << " ranks";
    }
  }
}

TEST(Leaves, RefuseMoreRanksThanRows) {
  try {
    plan_leaves(4, 8, 5, 0);
    FAIL() << "5 ranks cannot share 4 rows";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
  }
}

// The sum of n leaves on one rank has the bits of the sum over ranks that hold n/2, n/4, ... leaves each.
TEST(Leaves, AddAlongTheTree) {
  constexpr std::int64_t kElements = 50;
  const auto leaf_value = [](int leaf, std::int64_t i) {
    return static_cast<float>(Random(1, "leaf", static_cast<std::uint64_t>(leaf * 1000 + i)).normal());
  };
  for (const int leaves : {1, 2, 4, 8}) {
    OwnedVector<float> gradient("gradient", kElements);
    train::LeafSums<float> sums({0}, kElements);
    for (int repeat = 0; repeat < 2; ++repeat) {  // buffers are used again by the next step
      for (int leaf = 0; leaf < leaves; ++leaf) {
        std::vector<float> values;
        for (std::int64_t i = 0; i < kElements; ++i) values.push_back(leaf_value(leaf, i));
        set_values<float>(gradient, values);
        sums.add(ExecSpace{}, 0, gradient, leaf + 1 == leaves);
      }
    }
    const std::vector<float> found = host_values<float>(gradient);
    const std::function<float(int, int, std::int64_t)> sum = [&](int begin, int count, std::int64_t i) -> float {
      return count == 1 ? leaf_value(begin, i) : sum(begin, count / 2, i) + sum(begin + count / 2, count / 2, i);
    };
    for (std::int64_t i = 0; i < kElements; ++i) {
      EXPECT_EQ(found[static_cast<std::size_t>(i)], sum(0, leaves, i)) << leaves << " leaves";
    }
  }
}

}  // namespace
}  // namespace recpo::test
