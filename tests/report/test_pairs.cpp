// Comparisons across run folders and seeds.

#include <gtest/gtest.h>

#include "src/evaluation/significance.hpp"
#include "src/report/study/pairs.hpp"
#include "tests/report/made_runs.hpp"

namespace recpo::report {
namespace {
TEST(Pairs, RowsOfTwoFolders) {
  // recpo right on rows 0..11, s-dpo on 0..1: 10 won, none lost, p = 2 / 1024
  const Study study = arrange(read_all(
      {{"x/r", "recpo", "ml-1m", 1, "", first_right(20, 12)}, {"y/s", "s-dpo", "ml-1m", 1, "", first_right(20, 2)}}));
  const std::vector<Comparison> comparisons = compare_systems(study);
  ASSERT_EQ(comparisons.size(), 1u);
  const Comparison& c = comparisons[0];
  EXPECT_EQ(c.test.rows, 20);
  EXPECT_EQ(c.test.first_only, 10);
  EXPECT_EQ(c.test.second_only, 0);
  EXPECT_DOUBLE_EQ(c.test.difference, 0.5);
  EXPECT_EQ(c.test.p_value, evaluation::mcnemar_exact(10, 0));
  EXPECT_TRUE(c.significant());
  EXPECT_LT(*c.low, 0.5);
  EXPECT_GT(*c.high, 0.5);
}

TEST(Pairs, SeedsPairWithTheirOwn) {
  const Study study = arrange(read_all({{"a", "recpo", "ml-1m", 1, "", first_right(10, 4)},
                                        {"b", "recpo", "ml-1m", 2, "", first_right(10, 1)},
                                        {"c", "sft", "ml-1m", 1, "", first_right(10, 1)},
                                        {"d", "sft", "ml-1m", 2, "", first_right(10, 3)},
                                        {"e", "sft", "ml-1m", 3, "", first_right(10, 9)}}));
  const std::vector<Comparison> comparisons = compare_systems(study);
  ASSERT_EQ(comparisons.size(), 1u);
  EXPECT_EQ(comparisons[0].seeds, 2u);
  EXPECT_EQ(comparisons[0].test.rows, 20);
  EXPECT_EQ(comparisons[0].test.first_only, 3);
  EXPECT_EQ(comparisons[0].test.second_only, 2);
}

TEST(Pairs, OtherQuestionsAreNoPairs) {
  EXPECT_TRUE(compare_systems(arrange(read_all({{"a", "recpo", "ml-1m", 1, "", {true}, "u"},
                                                {"b", "sft", "ml-1m", 1, "", {true}, "v"}})))
                  .empty());
  EXPECT_TRUE(compare_systems(arrange(read_all({{"a", "recpo", "ml-1m", 1}, {"b", "sft", "steam", 1}}))).empty());
  EXPECT_TRUE(compare_systems(arrange(read_all({{"a", "recpo", "ml-1m", 1}, {"b", "sft", "ml-1m", 2}}))).empty());
}

TEST(Pairs, ManyComparisonsAreAdjusted) {
  // the same 5 rows won against two systems: p = 2 / 32 each, doubled
  const Study study = arrange(read_all({{"a", "recpo", "ml-1m", 1, "", first_right(9, 6)},
                                        {"b", "sft", "ml-1m", 1, "", first_right(9, 1)},
                                        {"c", "sasrec", "ml-1m", 1, "", first_right(9, 1)}}));
  const std::vector<Comparison> comparisons = compare_systems(study);
  ASSERT_EQ(comparisons.size(), 2u);
  EXPECT_DOUBLE_EQ(comparisons[0].test.p_value, 0.0625);
  EXPECT_DOUBLE_EQ(comparisons[0].adjusted, 0.125);
}

}  // namespace
}  // namespace recpo::report
