#include <gtest/gtest.h>

#include <algorithm>

#include "src/data/ratings.hpp"
#include "src/support/random.hpp"

namespace recpo::data {
namespace {
std::vector<Interaction> game(const std::vector<double>& hours) {
  std::vector<Interaction> log;
  for (const double value : hours) log.push_back({static_cast<std::int32_t>(log.size()), 0, value, value, 0});
  return log;
}

std::vector<double> ratings_of(const std::vector<double>& hours) {
  std::vector<Interaction> log = game(hours);
  rate_by_play_time(log);
  std::vector<double> ratings;
  for (const Interaction& interaction : log) {
    EXPECT_EQ(interaction.level, interaction.rating);
    ratings.push_back(interaction.rating);
  }
  return ratings;
}

std::vector<Interaction> random_log(std::uint64_t seed) {
  Random random(seed, "test/play-time");
  std::vector<Interaction> log(1 + random.below(300));
  for (Interaction& interaction : log) {
    interaction.user = static_cast<std::int32_t>(random.below(12));
    interaction.item = static_cast<std::int32_t>(random.below(9));
    interaction.rating = static_cast<double>(random.below(30)) / 10 - 1;  // unknown or 0 to 1.9
    interaction.time = static_cast<std::int64_t>(random.below(1000));
  }
  return log;
}
}  // namespace

TEST(PlayTime, QuintilesWithinAGame) {
  using Values = std::vector<double>;
  EXPECT_EQ(ratings_of({0.1, 300, 5, 20, 1}), (Values{1, 5, 3, 4, 2}));
  EXPECT_EQ(ratings_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), (Values{1, 1, 2, 2, 3, 3, 4, 4, 5, 5}));
  EXPECT_EQ(ratings_of({-1, 0, 0.1, -1, 0.2}), (Values{1, 3, 4, 1, 5}));  // unknown hours below none
  EXPECT_EQ(ratings_of({2, 2, 2, 9, 9}), (Values{1, 1, 1, 4, 4}));
  EXPECT_EQ(ratings_of({7}), (Values{1}));
}

TEST(PlayTime, RandomLogsAgreeWithTheDefinition) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const std::vector<Interaction> before = random_log(seed);
    std::vector<Interaction> expected;
    for (std::size_t i = 0; i < before.size(); ++i) {
      const auto again = std::find_if(before.begin() + static_cast<std::ptrdiff_t>(i) + 1, before.end(),
                                      [&](auto& b) { return b.user == before[i].user && b.item == before[i].item; });
      if (again == before.end()) expected.push_back(before[i]);
    }
    std::vector<Interaction> log = before;
    EXPECT_EQ(keep_last_of_pairs(log), before.size() - expected.size());
    rate_by_play_time(log);
    ASSERT_EQ(log.size(), expected.size());
    for (std::size_t i = 0; i < log.size(); ++i) {
      std::size_t fewer = 0, all = 0;
      for (const Interaction& other : expected) {
        all += other.item == expected[i].item;
        fewer += other.item == expected[i].item && std::max(other.rating, -1.0) < std::max(expected[i].rating, -1.0);
      }
      EXPECT_EQ(log[i].user, expected[i].user);
      EXPECT_EQ(log[i].item, expected[i].item);
      EXPECT_EQ(log[i].time, expected[i].time);
      EXPECT_EQ(log[i].rating, static_cast<double>(1 + 5 * fewer / all));
    }
  }
}

}  // namespace recpo::data
