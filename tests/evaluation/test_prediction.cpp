// Judged answers and their gathering over ranks, with recommenders whose answers are known.

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <nlohmann/json.hpp>

#include "src/evaluation/figures.hpp"
#include "src/evaluation/prediction.hpp"
#include "src/support/check.hpp"
#include "tests/evaluation/rows.hpp"
#include "tests/evaluation/thread_communicator.hpp"

namespace recpo::evaluation {
namespace {
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
  const Prediction hit = judge(row, {" title 1 ", {}}, "exact");
  EXPECT_TRUE(hit.valid && hit.hit);
  EXPECT_EQ(hit.answer, "title 1");
  EXPECT_EQ(hit.chosen, "title 1");
  EXPECT_EQ(hit.history_length, 6);
  EXPECT_EQ(hit.candidates, 4);
  EXPECT_EQ(hit.chosen_rank, 0);
  const Prediction miss = judge(row, {"title 2", {}}, "exact");
  EXPECT_TRUE(miss.valid && !miss.hit);
  const Prediction invalid = judge(row, {"title 9", {}}, "exact");
  EXPECT_TRUE(!invalid.valid && !invalid.hit);
}

TEST(Judge, AvoidanceCountsAnotherValidItem) {
  data::RowFile file;
  append_rows(file, data::Split::kAvoidance, 1);  // title 0 is the one to avoid
  EXPECT_FALSE(judge(file.rows[0], {"title 0", {}}, "exact").hit);
  EXPECT_TRUE(judge(file.rows[0], {"title 1", {}}, "exact").hit);
  EXPECT_FALSE(judge(file.rows[0], {"nonsense", {}}, "exact").hit);
}

TEST(Judge, RankOfThePreferred) {
  data::RowFile file;
  append_rows(file, data::Split::kTest, 3);
  const data::Row& row = file.rows[2];
  EXPECT_EQ(judge(row, {"", {1, 2, 3, 0}}, "exact").chosen_rank, 1);
  EXPECT_EQ(judge(row, {"", {9, 8, 3, 7}}, "exact").chosen_rank, 4);
  EXPECT_EQ(judge(row, {"", {3, 3, 3, 3}}, "exact").chosen_rank, 3);  // equal: in order
  EXPECT_EQ(judge(row, {"", {1, 1, NAN, 1}}, "exact").chosen_rank, 4);
  EXPECT_THROW(judge(row, {"", {1, 1}}, "exact"), Error);
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

TEST(Predict, OptionsNameTheKeyAndTheChoices) {
  EvaluationOptions options;
  options.match = "fuzzy";
  try {
    check(options);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_STREQ(error.what(), "evaluate.match = \"fuzzy\" is not known; choices: exact, contains");
  }
}

TEST(PredictionLine, FieldsInOrder) {
  data::RowFile file;
  append_rows(file, data::Split::kTest, 1);
  EXPECT_EQ(prediction_line(judge(file.rows[0], {" title 0", {}}, "exact"), "sft"),
            R"({"row":0,"split":"test","user":"user 0","answer":"title 0","valid":true,"hit":true,)"
            R"("chosen":"title 0","history_length":5,"model":"sft"})"
            "\n");
}

TEST(PredictionLine, BytesThatAreNotUtf8AreReplaced) {
  data::RowFile file;
  append_rows(file, data::Split::kTest, 1);
  const std::string line = prediction_line(judge(file.rows[0], {"no\xE2\x82", {}}, "exact"), "sft");
  EXPECT_EQ(nlohmann::json::parse(line)["answer"], "no\xEF\xBF\xBD");
}

}  // namespace
}  // namespace recpo::evaluation
