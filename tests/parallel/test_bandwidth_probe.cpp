// The tournament lets every pair meet once; the warning finds the order that puts tensor-parallel groups on fast links;
// measuring gives every rank the same matrix.

#include <gtest/gtest.h>

#include <set>

#include "src/parallel/bandwidth_probe.hpp"

namespace recpo::test {
namespace {

TEST(Tournament, EveryPairMeetsOnceAndNobodyTwiceInARound) {
  for (int ranks = 2; ranks <= 17; ++ranks) {
    std::set<std::pair<int, int>> met;
    for (int round = 0; round < parallel::tournament_rounds(ranks); ++round) {
      const std::vector<int> partners = parallel::tournament_partners(ranks, round);
      int pausing = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const int partner = partners[static_cast<std::size_t>(rank)];
        ASSERT_EQ(partners[static_cast<std::size_t>(partner)], rank) << ranks << " ranks, round " << round;
        pausing += partner == rank;
        if (partner > rank) {
          EXPECT_TRUE(met.insert({rank, partner}).second) << rank << " and " << partner;
        }
      }
      EXPECT_EQ(pausing, ranks % 2);
    }
    EXPECT_EQ(static_cast<int>(met.size()), ranks * (ranks - 1) / 2);
  }
}

// Ranks of the same `group` have links of `fast` bytes a second, the others of `slow`.
parallel::BandwidthMatrix two_kinds(const std::vector<int>& group, double fast, double slow) {
  parallel::BandwidthMatrix matrix(static_cast<int>(group.size()));
  for (int a = 0; a < matrix.ranks(); ++a) {
    for (int b = 0; b < a; ++b) {
      const bool same = group[static_cast<std::size_t>(a)] == group[static_cast<std::size_t>(b)];
      matrix.set(a, b, same ? fast : slow);
    }
  }
  return matrix;
}

TEST(RankOrder, NamesTheOrderThatPutsGroupsOnTheFastLinks) {
  const auto pairs = parallel::rank_order_warning(two_kinds({0, 1, 2, 3, 0, 1, 2, 3}, 45e9, 11e9), 2);
  ASSERT_TRUE(pairs);
  EXPECT_NE(pairs->find("ranks 0 and 1 exchange 11.0 GB/s, ranks 0 and 4 45.0 GB/s"), std::string::npos) << *pairs;
  EXPECT_NE(pairs->find("order 0 4 1 5 2 6 3 7 "), std::string::npos) << *pairs;
  const auto fours = parallel::rank_order_warning(two_kinds({0, 1, 0, 1, 1, 0, 1, 0}, 45e9, 11e9), 4);
  ASSERT_TRUE(fours);
  EXPECT_NE(fours->find("order 0 2 5 7 1 3 4 6 "), std::string::npos) << *fours;
}

TEST(RankOrder, PassesOverLinksThatScatterWithinTheirKind) {
  parallel::BandwidthMatrix matrix = two_kinds({0, 1, 0, 1, 0, 1, 0, 1}, 45e9, 11e9);
  matrix.set(0, 2, 41e9);
  const auto warning = parallel::rank_order_warning(matrix, 2);
  ASSERT_TRUE(warning);
  EXPECT_NE(warning->find("order 0 2 1 3 4 6 5 7 "), std::string::npos) << *warning;
}

// The lowest rank's first choice, 1, would leave 2 without a fast link.
TEST(RankOrder, TakesAChoiceBackThatLeavesOthersWithoutAFastLink) {
  parallel::BandwidthMatrix matrix = two_kinds({0, 1, 2, 3, 4, 5}, 0, 11e9);
  for (const auto& [a, b] : {std::pair{0, 1}, {0, 2}, {1, 3}, {4, 5}}) matrix.set(a, b, 45e9);
  const auto warning = parallel::rank_order_warning(matrix, 2);
  ASSERT_TRUE(warning);
  EXPECT_NE(warning->find("order 0 2 1 3 4 5 "), std::string::npos) << *warning;
  matrix.set(0, 2, 11e9);  // now it stays without
  EXPECT_FALSE(parallel::rank_order_warning(matrix, 2));
}

TEST(RankOrder, IsSilentWhereNothingIsToBeWon) {
  EXPECT_FALSE(parallel::rank_order_warning(two_kinds({0, 0, 1, 1}, 45e9, 11e9), 2)) << "already in order";
  EXPECT_FALSE(parallel::rank_order_warning(two_kinds({0, 1, 0, 1}, 14e9, 11e9), 2)) << "links of one kind";
  EXPECT_FALSE(parallel::rank_order_warning(two_kinds({0, 1, 1, 1}, 45e9, 11e9), 2)) << "rank 0 has no fast link";
  EXPECT_FALSE(parallel::rank_order_warning(two_kinds({0, 1, 0, 1}, 45e9, 11e9), 1)) << "no groups";
  EXPECT_FALSE(parallel::rank_order_warning(two_kinds({0, 1, 0, 1}, 45e9, 11e9), 4)) << "one group";
  EXPECT_FALSE(parallel::rank_order_warning(two_kinds({0, 1, 0, 1}, 45e9, 0), 2)) << "pairs that were not measured";
}

TEST(RankOrder, DoesNotComplainOfWhatWasSeenOnce) {
  const parallel::BandwidthMatrix calm = two_kinds({0, 0, 0, 0}, 10e9, 0), slow = two_kinds({0, 1, 0, 1}, 45e9, 11e9);
  parallel::BandwidthMatrix disturbed = calm, favoured = calm;
  disturbed.set(0, 1, 2e9);
  favoured.set(0, 2, 30e9);
  favoured.set(1, 3, 30e9);
  const auto warning = [](const auto& one, const auto& other) {
    return parallel::rank_order_warning(parallel::in_favour_of_order(one, other, 2), 2);
  };
  EXPECT_TRUE(parallel::rank_order_warning(disturbed, 2) && parallel::rank_order_warning(favoured, 2));
  EXPECT_FALSE(warning(disturbed, calm));
  EXPECT_FALSE(warning(favoured, calm));
  EXPECT_TRUE(warning(slow, slow));
}

TEST(Exchange, BringsThePartnersData) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  parallel::Communicator& world = *grid.world;
  constexpr std::int64_t kSize = 100001;
  const OwnedVector<float> mine("mine", kSize), theirs("theirs", kSize);
  const auto value = [](int rank, std::int64_t i) { return static_cast<float>(rank * 7 + i % 1000); };
  for (std::int64_t i = 0; i < kSize; ++i) mine(i) = value(world.rank(), i);
  for (int round = 0; world.size() > 1 && round < parallel::tournament_rounds(world.size()); ++round) {
    const int peer = parallel::tournament_partners(world.size(), round)[static_cast<std::size_t>(world.rank())];
    if (peer == world.rank()) continue;
    parallel::exchange_with(world, peer, mine, theirs);
    for (std::int64_t i = 0; i < kSize; ++i) ASSERT_EQ(theirs(i), value(peer, i)) << "element " << i;
  }
  EXPECT_EQ(world.traffic().total(), 0);
}

TEST(Bandwidth, EveryRankHasTheSameWholeMatrix) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  const parallel::BandwidthMatrix matrix = parallel::measure_bandwidth(*grid.world, 1e6);
  ASSERT_EQ(matrix.ranks(), grid.world->size());
  EXPECT_TRUE(matrix.complete());
  for (const std::string& table : grid.world->all_gather(parallel::to_table(matrix))) {
    EXPECT_EQ(table, parallel::to_table(matrix));
  }
}

TEST(Bandwidth, EndsAfterARoundWhenTheTimeIsUp) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  if (grid.world->size() < 3) return;  // one round is all there is
  const parallel::BandwidthMatrix matrix = parallel::measure_bandwidth(*grid.world, 0);
  EXPECT_FALSE(matrix.complete());
  EXPECT_FALSE(parallel::rank_order_warning(matrix, 2));
}

}  // namespace
}  // namespace recpo::test
