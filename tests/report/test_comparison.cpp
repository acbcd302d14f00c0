// Systems compared on common rows, and the sentences that say so.

#include <gtest/gtest.h>

#include "src/report/comparison.hpp"
#include "src/support/check.hpp"

namespace recpo::report {
namespace {
std::string line(const char* model, int row, bool hit, const char* split = "test") {
  return fmt::format("{{\"row\":{},\"split\":\"{}\",\"model\":\"{}\",\"hit\":{}}}\n", row, split, model, hit);
}

TEST(Comparison, CountsRowsThatBothAnswered) {
  Answers first, second;
  for (int row = 0; row < 12; ++row) first.push_back({row, 0, 0, true, row < 8});   // 0..7 right
  for (int row = 2; row < 14; ++row) second.push_back({row, 0, 0, true, row < 3});  // of the common rows 2..11: 2 right
  const auto test = compare(first, second);
  ASSERT_TRUE(test);
  EXPECT_EQ(test->rows, 10);
  EXPECT_EQ(test->first_only, 5);  // 3..7
  EXPECT_EQ(test->second_only, 0);
  EXPECT_EQ(test->difference, 0.5);
  EXPECT_DOUBLE_EQ(test->p_value, 2.0 / 32);
  EXPECT_FALSE(compare(first, {{99, 0, 0, true, true}}));
  EXPECT_FALSE(compare(first, {{3, 0, 7, true, true}}));  // the same row number of another question
}

std::vector<std::pair<std::int64_t, bool>> hits_of(const Answers& answers) {
  std::vector<std::pair<std::int64_t, bool>> hits;
  for (const Answer& answer : answers) hits.emplace_back(answer.row, answer.hit);
  return hits;
}

using Hits = std::vector<std::pair<std::int64_t, bool>>;

TEST(Comparison, ReadsPredictions) {
  const std::string text = line("sft", 2, true) + line("sft", 1, false) + line("recpo", 1, true) +
                           line("sft", 1, true) +  // evaluated again
                           line("sft", 7, true, "adherence") + line("sft", 8, true, "valid");
  const AnswersOfSystem answers = parse_predictions(text, "p");
  EXPECT_EQ(answers.size(), 2u);
  EXPECT_EQ(hits_of(answers.at("sft").main), (Hits{{1, true}, {2, true}}));
  EXPECT_EQ(hits_of(answers.at("sft").adherence), (Hits{{7, true}}));
  EXPECT_EQ(hits_of(answers.at("recpo").main), (Hits{{1, true}}));
  EXPECT_EQ(hits_of(parse_predictions(line("sft", 8, true, "valid"), "p").at("sft").main), (Hits{{8, true}}));
  EXPECT_TRUE(parse_predictions("", "p").empty());
}

TEST(Comparison, BadPredictionsNameTheLine) {
  const std::string good = line("sft", 1, false);
  for (const std::string& bad : {std::string("{\"row\":\n"), std::string("{\"row\":-1,\"split\":\"test\"}\n"),
                                 std::string("[]\n"), std::string("\n")}) {
    try {
      parse_predictions(good + bad, "predictions.jsonl");
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInput);
      EXPECT_EQ(std::string(error.what()).rfind("predictions.jsonl:2", 0), 0u) << error.what();
    }
  }
}

std::vector<SystemFigures> two_systems(double recpo, double sft) {
  std::vector<SystemFigures> figures(2);
  figures[0].system = find_system("sft");
  figures[1].system = find_system("recpo");
  figures[0].main.emplace().hit_rate.value = sft;
  figures[1].main.emplace().hit_rate.value = recpo;
  return figures;
}

TEST(ReadingLines, WithoutPredictionsTheDifferenceAlone) {
  EXPECT_EQ(reading_lines(two_systems(0.5, 0.25), {}), std::vector<std::string>{"RecPO against SFT: HR@1 +0.2500."});
}

TEST(ReadingLines, VerdictFollowsTheTest) {
  AnswersOfSystem answers;
  for (int row = 0; row < 20; ++row) {
    answers["recpo"].main.push_back({row, 0, 0, true, row < 11});
    answers["sft"].main.push_back({row, 0, 0, true, row < 1});
  }
  // 10 against 0: p = 2 / 1024
  EXPECT_EQ(reading_lines(two_systems(0.55, 0.05), answers).at(0),
            "RecPO against SFT: HR@1 +0.5000 (10 of 20 rows won, 0 lost), McNemar p = 0.002: significantly better.");
  std::swap(answers["recpo"], answers["sft"]);
  EXPECT_NE(reading_lines(two_systems(0.05, 0.55), answers).at(0).find("significantly worse"), std::string::npos);
  for (int row = 6; row < 20; ++row)
    answers["sft"].main[static_cast<std::size_t>(row)].hit = false;  // 5 against 0: p = 0.0625
  EXPECT_NE(reading_lines(two_systems(0.05, 0.3), answers).at(0).find("p = 0.062"), std::string::npos);
  EXPECT_NE(reading_lines(two_systems(0.05, 0.3), answers).at(0).find("not significantly different"),
            std::string::npos);
}

}  // namespace
}  // namespace recpo::report
