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
  Hits first, second;
  for (int row = 0; row < 12; ++row) first[row] = row < 8;   // 0..7 right
  for (int row = 2; row < 14; ++row) second[row] = row < 3;  // of the common rows 2..11: 2 right
  const auto test = compare(first, second);
  ASSERT_TRUE(test);
  EXPECT_EQ(test->rows, 10);
  EXPECT_EQ(test->first_only, 5);  // 3..7
  EXPECT_EQ(test->second_only, 0);
  EXPECT_EQ(test->difference, 0.5);
  EXPECT_DOUBLE_EQ(test->p_value, 2.0 / 32);
  EXPECT_FALSE(compare(first, {{99, true}}));
}

TEST(Comparison, ReadsPredictions) {
  const std::string text = line("sft", 1, false) + line("sft", 2, true) + line("recpo", 1, true) +
                           line("sft", 1, true) +  // evaluated again
                           line("sft", 7, true, "adherence") + line("sft", 8, true, "valid");
  const HitsOfSystem hits = parse_predictions(text, "p");
  EXPECT_EQ(hits.size(), 2u);
  EXPECT_EQ(hits.at("sft"), (Hits{{1, true}, {2, true}}));
  EXPECT_EQ(hits.at("recpo"), (Hits{{1, true}}));
  EXPECT_EQ(parse_predictions(line("sft", 8, true, "valid"), "p").at("sft"), (Hits{{8, true}}));
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
  HitsOfSystem hits;
  for (int row = 0; row < 20; ++row) hits["recpo"][row] = row < 11, hits["sft"][row] = row < 1;
  // 10 against 0: p = 2 / 1024
  EXPECT_EQ(reading_lines(two_systems(0.55, 0.05), hits).at(0),
            "RecPO against SFT: HR@1 +0.5000 (10 of 20 rows won, 0 lost), McNemar p = 0.002: significantly better.");
  std::swap(hits["recpo"], hits["sft"]);
  EXPECT_NE(reading_lines(two_systems(0.05, 0.55), hits).at(0).find("significantly worse"), std::string::npos);
  for (int row = 6; row < 20; ++row) hits["sft"][row] = false;  // 5 against 0: p = 0.0625
  EXPECT_NE(reading_lines(two_systems(0.05, 0.3), hits).at(0).find("p = 0.062"), std::string::npos);
  EXPECT_NE(reading_lines(two_systems(0.05, 0.3), hits).at(0).find("not significantly different"), std::string::npos);
}

}  // namespace
}  // namespace recpo::report
