// Which questions are asked and what is preferred, on sequences small enough to be decided by hand.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "src/data/dataset.hpp"
#include "src/data/questions.hpp"
#include "src/data/rows.hpp"
#include "tests/data/rating_log.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {
namespace {
constexpr std::int64_t kHour = 3600;

// One user who rates items 0, 1, 2, .. in this order, one an hour.
Sequences one_user(const std::vector<double>& ratings) {
  Ratings log;
  log.users = {"u"};
  for (std::size_t i = 0; i < ratings.size(); ++i)
    log.interactions.push_back(
        {0, static_cast<std::int32_t>(i), ratings[i], ratings[i], static_cast<std::int64_t>(i) * kHour});
  return build_sequences(log);
}

std::vector<Question> ask(const std::vector<double>& ratings, const DataOptions& options, Split split) {
  Dropped dropped;
  auto questions = find_questions(one_user(ratings), options, dropped);
  std::erase_if(questions, [&](const Question& question) { return question.split != split; });
  return questions;
}

// The preferred item after a history of five, -1 when the row is dropped; two more items are held out.
int preferred(std::vector<double> following, const DataOptions& options) {
  std::vector<double> ratings(5, 3.0);
  ratings.insert(ratings.end(), following.begin(), following.end());
  ratings.insert(ratings.end(), {5.0, 5.0});
  const auto questions = ask(ratings, options, Split::kTrain);
  return questions.empty() || questions.front().position != 5 ? -1 : questions.front().preferred - 5;
}
}  // namespace

TEST(Utility, IsThePapersValues) {
  EXPECT_DOUBLE_EQ(utility(5, 1, 0.5), 5);
  EXPECT_DOUBLE_EQ(utility(4, 1, 0.5), 4);
  EXPECT_NEAR(utility(4, 10, 0.5), 1.2649, 5e-5);  // the protocol's four decimals
  EXPECT_NEAR(utility(3, 11, 0.5), 0.9045, 5e-5);
}

TEST(Questions, TheTwoRulesOfThePreferredItem) {
  DataOptions best, next;
  next.positive = Positive::kNextLiked;
  // A 4 at 2 (2.828) and a 5 at 3 (2.887): the first rule takes the 5, the second the 4.
  EXPECT_EQ(preferred({1, 4, 5}, best), 2);
  EXPECT_EQ(preferred({1, 4, 5}, next), 1);
  // A 3 at 1 (3.0) and a 4 at 3 (2.309): the first rule drops the row, the second keeps it.
  EXPECT_EQ(preferred({3, 1, 4}, best), -1);
  EXPECT_EQ(preferred({3, 1, 4}, next), 2);
  // Equal utilities, 4 at 1 and 8 at 4 (sqrt is exact): the earlier one.
  EXPECT_EQ(preferred({4, 1, 1, 8}, best), 0);
  // Without discount the larger rating wins wherever it is.
  best.alpha = 0;
  EXPECT_EQ(preferred({4, 1, 1, 5}, best), 3);
}

TEST(Questions, WindowEndsAndNeverReachesHeldOutItems) {
  DataOptions options;
  options.window = 2;
  options.positive = Positive::kNextLiked;
  EXPECT_EQ(preferred({1, 1, 5}, options), -1);
  options.window = 10;
  EXPECT_EQ(preferred({1, 1, 1}, options), -1);  // the two fives behind are held out
  const std::vector<double> ratings(20, 4.0);
  for (const Question& question : ask(ratings, options, Split::kTrain)) {
    const auto sequences = one_user(ratings);
    for (const auto index : followed(sequences.of_user(0), question, options)) {
      EXPECT_GE(index, question.position);
      EXPECT_LT(index, std::min(question.position + 10, 18));
    }
  }
}

TEST(Questions, EveryLongEnoughPrefixIsAsked) {
  DataOptions options;
  const auto questions = ask(std::vector<double>(20, 4.0), options, Split::kTrain);
  ASSERT_EQ(questions.size(), 13u);  // 5 .. 17 interactions before; 18 for training
  EXPECT_EQ(questions.front().position, 5);
  EXPECT_EQ(questions.back().position, 17);
  options.min_history = 1;
  EXPECT_EQ(ask(std::vector<double>(20, 4.0), options, Split::kTrain).size(), 17u);
}

TEST(Questions, HeldOutItemsMustBeLiked) {
  const DataOptions options;
  const std::vector<double> both{3, 3, 3, 4, 5}, last{3, 3, 3, 3, 5}, bad{3, 3, 3, 4, 2};
  EXPECT_EQ(ask(both, options, Split::kValid).at(0).preferred, 3);
  EXPECT_EQ(ask(both, options, Split::kTest).at(0).preferred, 4);
  EXPECT_EQ(ask(both, options, Split::kTest).at(0).position, 4);
  EXPECT_TRUE(ask(last, options, Split::kValid).empty());
  EXPECT_TRUE(ask(bad, options, Split::kTest).empty());
  EXPECT_EQ(ask({4}, options, Split::kTest).size(), 0u);
  EXPECT_EQ(ask({4, 4}, options, Split::kTest).size(), 1u);
  EXPECT_EQ(ask({4, 4}, options, Split::kValid).size(), 0u);
}

TEST(Questions, AdherenceAndAvoidance) {
  DataOptions options;
  const std::vector<double> both{3, 3, 3, 4, 5}, bad{3, 3, 3, 4, 2};
  ASSERT_EQ(ask(both, options, Split::kAdherence).size(), 1u);
  EXPECT_EQ(ask(both, options, Split::kAdherence)[0].position, 3);
  EXPECT_EQ(ask(both, options, Split::kAdherence)[0].preferred, 3);
  EXPECT_TRUE(ask(bad, options, Split::kAdherence).empty());
  EXPECT_TRUE(ask(both, options, Split::kAvoidance).empty());
  ASSERT_EQ(ask(bad, options, Split::kAvoidance).size(), 1u);
  EXPECT_EQ(ask(bad, options, Split::kAvoidance)[0].preferred, 4);
  EXPECT_TRUE(ask({3, 3, 3, 4, 3}, options, Split::kAvoidance).empty());
  options.adherence_positive = AdherencePositive::kBestUtility;
  options.alpha = 0.1;  // 4 against 5 / 2^0.1 = 4.67
  EXPECT_EQ(ask(both, options, Split::kAdherence)[0].preferred, 4);
  options.adherence_following = 4;
  EXPECT_EQ(ask({3, 4, 1, 1, 4}, options, Split::kAdherence)[0].position, 1);
}

TEST(Questions, LatencyInStepsAndDays) {
  DataOptions options;
  Ratings log;
  log.users = {"u"};
  for (const std::int64_t time : {0, 3600, 86400 * 3, 86400 * 10}) log.interactions.push_back({0, 0, 4, 4, time});
  const Sequences sequences = build_sequences(log);
  const auto sequence = sequences.of_user(0);
  EXPECT_EQ(latency(sequence, 1, 1, options), 1);
  EXPECT_EQ(latency(sequence, 1, 3, options), 3);
  options.latency_unit = LatencyUnit::kDays;
  EXPECT_EQ(latency(sequence, 1, 1, options), 1);  // an hour counts as a day
  EXPECT_EQ(latency(sequence, 1, 2, options), 3);
  EXPECT_EQ(latency(sequence, 1, 3, options), 10);
}

TEST(Questions, EqualTimesKeepFileOrder) {
  Ratings log;
  log.users = {"a", "b"};
  for (std::int32_t i = 0; i < 100; ++i) log.interactions.push_back({i % 2, i, 4, 4, (100 - i) / 10});
  const Sequences sequences = build_sequences(log);
  for (std::int32_t user = 0; user < 2; ++user) {
    const auto sequence = sequences.of_user(user);
    ASSERT_EQ(sequence.size(), 50u);
    for (std::size_t i = 1; i < sequence.size(); ++i)
      EXPECT_TRUE(sequence[i - 1].time < sequence[i].time ||
                  (sequence[i - 1].time == sequence[i].time && sequence[i - 1].item < sequence[i].item));
  }
}

TEST(Questions, TrainingRowsAreDrawnBySeed) {
  Dropped dropped;
  const auto all = find_questions(one_user(std::vector<double>(500, 4.0)), {}, dropped);
  const auto draw = [&](std::uint64_t seed) {
    auto questions = all;
    draw_training(questions, 100, seed, dropped);
    std::vector<int> positions;
    for (const Question& question : questions)
      if (question.split == Split::kTrain) positions.push_back(question.position);
    EXPECT_EQ(questions.size() - positions.size(), 3u);  // valid, test, adherence stay
    return positions;
  };
  EXPECT_EQ(draw(1).size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(draw(1)));
  EXPECT_EQ(draw(1), draw(1));
  EXPECT_NE(draw(1), draw(2));
}

TEST(KCore, IsRepeatedUntilStable) {
  // Users 0-2 share items 0-2; user 3 hangs on by item 3, which only user 2 has besides; user 4 has one rating.
  Ratings ratings;
  ratings.users = {"a", "b", "c", "d", "e"};
  ratings.items.resize(5);
  for (std::int32_t user = 0; user < 3; ++user)
    for (std::int32_t item = 0; item < 3; ++item) ratings.interactions.push_back({user, item, 3, 3, 0});
  ratings.interactions.push_back({2, 3, 3, 3, 0});
  ratings.interactions.push_back({3, 3, 3, 3, 0});
  ratings.interactions.push_back({3, 4, 3, 3, 0});
  ratings.interactions.push_back({4, 4, 3, 3, 0});
  Ratings untouched = ratings;
  // Item 4's second rating goes with user 4, item 4 with it, then user 3, then item 3: one link a pass.
  EXPECT_EQ(filter_k_core(ratings, 2, 2), 4);
  EXPECT_EQ(count(ratings).users, 3);
  EXPECT_EQ(count(ratings).items, 3);
  EXPECT_EQ(count(ratings).interactions, 9);
  EXPECT_EQ(filter_k_core(untouched, 0, 0), 0);
  EXPECT_EQ(count(untouched).interactions, 13);
}

// Table 3 of the paper: MovieLens-1M unfiltered, one row for every interaction that is not a user's first.
TEST(Questions, MovieLens1MHas994169NonFirstInteractions) {
  constexpr int kUsers = 6040, kInteractions = 1000209, kItems = 3706;
  RatingLog log{plain_titles(kItems), {}};
  for (int i = 0; i < kInteractions; ++i)
    log.lines.push_back({i % kUsers + 1, (i * 13) % kItems + 1, 1.0 + i % 5, 956000000 + i});
  const TemporaryFolder folder;
  log.write(folder.path());
  const Dataset& dataset = find_dataset("ml-1m");
  RatingsBuilder builder(true, 0);
  ImportReport report;
  DataOptions options;
  options.path = folder.path().string();
  dataset.import(find_raw_files(dataset, options), options, builder, report);
  const Ratings ratings = builder.finish();
  EXPECT_EQ(count(ratings).users, kUsers);
  EXPECT_EQ(count(ratings).interactions, kInteractions);
  options.min_history = 1;
  options.liked_rating = 0;  // every row is kept
  Dropped dropped;
  const auto questions = find_questions(build_sequences(ratings), options, dropped);
  const auto rows = std::ranges::count_if(questions, [](const Question& question) {
    return question.split == Split::kTrain || question.split == Split::kValid || question.split == Split::kTest;
  });
  EXPECT_EQ(rows, 994169);
}

}  // namespace recpo::data
