// Judged answers and their gathering over ranks, with recommenders whose answers are known.

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>

#include "src/evaluation/metrics.hpp"
#include "src/evaluation/prediction.hpp"
#include "src/support/check.hpp"
#include "tests/evaluation/rows.hpp"
#include "tests/evaluation/thread_communicator.hpp"

namespace recpo::evaluation {
namespace {
const std::vector<data::Candidate> kCandidates = {
    {"1", "Alien (1979)", {}, {}}, {"2", "Aliens (1986)", {}, {}}, {"3", "Heat", {}, {}}, {"4", "Heat Wave", {}, {}}};

TEST(Match, TrimsWhiteSpaceOnly) {
  EXPECT_EQ(trim(" \t Heat \r\n"), "Heat");
  EXPECT_EQ(trim("Heat"), "Heat");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Match, ExactNamesOneTitle) {
  EXPECT_EQ(named_candidate(" Alien (1979)", kCandidates, Match::kExact), 0u);
  EXPECT_EQ(named_candidate("Heat\r", kCandidates, Match::kExact), 2u);
  EXPECT_EQ(named_candidate("Heat Wave", kCandidates, Match::kExact), 3u);
}

TEST(Match, ExactRefusesEverythingElse) {
  for (const char* answer : {"", " ", "heat", "Heat.", "I like Heat", "Alien", "Alien (1979) Heat"})
    EXPECT_EQ(named_candidate(answer, kCandidates, Match::kExact), std::nullopt) << answer;
}

TEST(Match, ContainsNeedsExactlyOneTitle) {
  EXPECT_EQ(named_candidate("I like Aliens (1986) best", kCandidates, Match::kContains), 1u);
  EXPECT_EQ(named_candidate("I like Heat.", kCandidates, Match::kContains), 2u);
  EXPECT_EQ(named_candidate("nothing", kCandidates, Match::kContains), std::nullopt);
  EXPECT_EQ(named_candidate("Alien (1979) or Aliens (1986)", kCandidates, Match::kContains), std::nullopt);
  EXPECT_EQ(named_candidate("Heat Wave", kCandidates, Match::kContains), std::nullopt);  // holds Heat, too
}

TEST(Match, EmptyAndEqualTitlesNameNobody) {
  const std::vector<data::Candidate> odd = {{"1", "", {}, {}}, {"2", "Twin", {}, {}}, {"3", "Twin", {}, {}}};
  EXPECT_EQ(named_candidate("", odd, Match::kExact), std::nullopt);
  EXPECT_EQ(named_candidate("anything", odd, Match::kContains), std::nullopt);
  EXPECT_EQ(named_candidate("Twin", odd, Match::kExact), std::nullopt);
}

// Right in every third row, another candidate in the next, nonsense in the last; scores favour candidate 0.
class ThirdsRecommender final : public Recommender {
 public:
  std::vector<Answer> answer(std::span<const data::Row* const> rows, bool with_scores,
                             const std::function<void()>& progress) override {
    std::vector<Answer> answers;
    sizes.push_back(rows.size());
    for (const data::Row* row : rows) {
      const auto preferred = static_cast<std::size_t>(row->preferred);
      const std::string texts[] = {" " + row->candidates[preferred].title, row->candidates[(preferred + 1) % 4].title,
                                   "no\xE2\x82"};
      answers.push_back({texts[row->id % 3], with_scores ? std::vector<double>{4, 3, 2, 1} : std::vector<double>{}});
      progress();
    }
    return answers;
  }
  std::vector<std::size_t> sizes;
};

data::RowFile thirty_rows() {
  data::RowFile file;
  append_rows(file, data::Split::kTrain, 3);
  append_rows(file, data::Split::kTest, 30);
  append_rows(file, data::Split::kAvoidance, 6);
  return file;
}

TEST(Judge, HitMissAndInvalid) {
  data::RowFile file;
  append_rows(file, data::Split::kTest, 2);
  const data::Row& row = file.rows[1];  // title 1 is preferred
  const Prediction hit = judge(row, {" title 1 ", {}}, Match::kExact);
  EXPECT_TRUE(hit.valid && hit.hit);
  EXPECT_EQ(hit.answer, "title 1");
  EXPECT_EQ(hit.chosen, "title 1");
  EXPECT_EQ(hit.history_length, 6);
  EXPECT_EQ(hit.candidates, 4);
  EXPECT_FALSE(hit.ranking);
  const Prediction miss = judge(row, {"title 2", {}}, Match::kExact);
  EXPECT_TRUE(miss.valid && !miss.hit);
  const Prediction invalid = judge(row, {"title 9", {}}, Match::kExact);
  EXPECT_TRUE(!invalid.valid && !invalid.hit);
}

TEST(Judge, AvoidanceCountsAnotherValidItem) {
  data::RowFile file;
  append_rows(file, data::Split::kAvoidance, 1);  // title 0 is the one to avoid
  EXPECT_FALSE(judge(file.rows[0], {"title 0", {}}, Match::kExact).hit);
  EXPECT_TRUE(judge(file.rows[0], {"title 1", {}}, Match::kExact).hit);
  EXPECT_FALSE(judge(file.rows[0], {"nonsense", {}}, Match::kExact).hit);
}

TEST(Judge, RankOfThePreferred) {
  data::RowFile file;
  append_rows(file, data::Split::kTest, 3);
  const data::Row& row = file.rows[2];
  const auto places = [&](std::vector<double> scores) {
    const Ranking ranking = judge(row, {"", std::move(scores)}, Match::kExact).ranking.value();
    EXPECT_EQ(ranking.candidates, 4);
    return std::pair(ranking.first, ranking.last);
  };
  EXPECT_EQ(places({1, 2, 3, 0}), std::pair(1, 1));
  EXPECT_EQ(places({9, 8, 3, 7}), std::pair(4, 4));
  EXPECT_EQ(places({3, 3, 3, 3}), std::pair(1, 4));
  EXPECT_EQ(places({4, 3, 3, 1}), std::pair(2, 3));
  const Prediction tied = judge(row, {"", {-1000, -2000, -1000, -3000}}, Match::kExact);
  EXPECT_DOUBLE_EQ(tied.ranking->log_softmax, -std::log(2.0));
  EXPECT_NE(prediction_line(tied, "m").find("\"chosen_rank\":1.5,\"chosen_tied\":2}"), std::string::npos);
  EXPECT_EQ(prediction_line(judge(row, {"", {1, 2, 3, 0}}, Match::kExact), "m").find("chosen_tied"), std::string::npos);
  EXPECT_THROW(judge(row, {"", {1, 1}}, Match::kExact), Error);
  for (const double bad : {NAN, INFINITY, -INFINITY}) {
    try {
      judge(row, {"", {1, bad, 2, 3}}, Match::kExact);
      ADD_FAILURE() << bad << " was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kNumerics);
      EXPECT_NE(std::string(error.what()).find("row 2 "), std::string::npos) << error.what();
    }
  }
}

TEST(Predict, KnownAnswersGiveKnownFigures) {
  const data::RowFile file = thirty_rows();
  EvaluationOptions options;
  options.tests = {"main", "avoidance"};
  parallel::run_ranks(1, [&](parallel::Communicator& dp) {
    ThirdsRecommender recommender;
    const std::vector<Prediction> predictions = predict(recommender, file, options, "test", dp);
    ASSERT_EQ(predictions.size(), 36u);
    for (std::size_t i = 0; i < 36; ++i) EXPECT_EQ(predictions[i].row, static_cast<std::int64_t>(i) + 3);
    const Outcomes all = count_outcomes({predictions.begin(), predictions.begin() + 30});
    EXPECT_EQ(all.rows, 30);
    EXPECT_EQ(all.valid, 20);
    EXPECT_EQ(all.hits, 10);
    const Outcomes avoided = count_outcomes({predictions.begin() + 30, predictions.end()});
    EXPECT_EQ(avoided.valid, 4);
    EXPECT_EQ(avoided.hits, 2);
  });
}

TEST(Predict, SameForAnyNumberOfRanks) {
  const data::RowFile file = thirty_rows();
  EvaluationOptions options;
  options.rank_candidates = true;
  options.batch_tokens = 60;  // several groups
  std::string expected;
  for (const int ranks : {1, 2, 3, 8}) {
    std::atomic<int> equal = 0;
    std::vector<std::size_t> sizes;
    parallel::run_ranks(ranks, [&](parallel::Communicator& dp) {
      ThirdsRecommender recommender;
      std::string lines;
      for (const Prediction& p : predict(recommender, file, options, "test", dp)) lines += prediction_line(p, "m");
      if (ranks == 1) expected = lines, sizes = recommender.sizes;
      equal += lines == expected;
    });
    EXPECT_EQ(equal, ranks);
    if (ranks == 1) {
      EXPECT_GT(sizes.size(), 3u);
    }
  }
  EXPECT_NE(expected.find("\"chosen_rank\":3"), std::string::npos);
}

TEST(Predict, LimitsEachSplit) {
  const data::RowFile file = thirty_rows();
  EvaluationOptions options;
  options.tests = {"history-length", "avoidance", "adherence"};
  options.max_eval_rows = 4;
  parallel::run_ranks(1, [&](parallel::Communicator& dp) {
    ThirdsRecommender recommender;
    const std::vector<Prediction> predictions = predict(recommender, file, options, "test", dp);
    ASSERT_EQ(predictions.size(), 8u);
    EXPECT_EQ(predictions[3].row, 6);
    EXPECT_EQ(predictions[4].split, data::Split::kAvoidance);
  });
}

TEST(PredictionLine, FieldsInOrder) {
  data::RowFile file;
  append_rows(file, data::Split::kTest, 1);
  EXPECT_EQ(prediction_line(judge(file.rows[0], {" title 0", {}}, Match::kExact), "sft"),
            R"({"row":0,"split":"test","user":"user 0","answer":"title 0","valid":true,"hit":true,)"
            R"("chosen":"title 0","history_length":5,"model":"sft"})"
            "\n");
}

TEST(PredictionLine, BytesThatAreNotUtf8AreReplaced) {
  data::RowFile file;
  append_rows(file, data::Split::kTest, 1);
  const std::string line = prediction_line(judge(file.rows[0], {"no\xE2\x82", {}}, Match::kExact), "sft");
  EXPECT_EQ(nlohmann::json::parse(line)["answer"], "no\xEF\xBF\xBD");
}

}  // namespace
}  // namespace recpo::evaluation
