// Predictions, and systems compared on common rows, across run folders and seeds.

#include <gtest/gtest.h>

#include "src/evaluation/significance.hpp"
#include "src/report/comparisons.hpp"
#include "src/report/sections.hpp"
#include "src/support/check.hpp"
#include "src/support/random.hpp"
#include "tests/report/made_runs.hpp"

namespace recpo::report {
namespace {
std::string line(const char* model, int row, bool hit, const char* split = "test") {
  return fmt::format("{{\"row\":{},\"split\":\"{}\",\"model\":\"{}\",\"hit\":{}}}\n", row, split, model, hit);
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
  EXPECT_EQ(hits_of(answers.at("sft").at("main")), (Hits{{1, true}, {2, true}}));
  EXPECT_EQ(hits_of(answers.at("sft").at("adherence")), (Hits{{7, true}}));
  EXPECT_EQ(hits_of(answers.at("recpo").at("main")), (Hits{{1, true}}));
  EXPECT_EQ(hits_of(parse_predictions(line("sft", 8, true, "valid"), "p").at("sft").at("main")), (Hits{{8, true}}));
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

Study two_systems(const Answers& recpo, const Answers& sft) {
  std::vector<RunFolder> runs = read_all({{"a", "recpo"}, {"b", "sft"}});
  runs[0].answers["recpo"]["main"] = recpo;
  runs[1].answers["sft"]["main"] = sft;
  return arrange(std::move(runs), paper());
}

TEST(Comparison, CountsRowsThatBothAnswered) {
  Answers first, second;
  for (int row = 0; row < 12; ++row)
    first.push_back({row, static_cast<std::uint64_t>(row), 0, true, row < 8});  // 0..7 right
  for (int row = 2; row < 14; ++row)
    second.push_back({row, static_cast<std::uint64_t>(row), 0, true, row < 3});  // of the common rows 2..11: 2 right
  const Study study = two_systems(first, second);
  const std::vector<Comparison> comparisons = compare_systems(study);
  ASSERT_EQ(comparisons.size(), 1u);
  EXPECT_EQ(comparisons[0].rows, 10);
  EXPECT_EQ(comparisons[0].first_only, 5);  // 3..7
  EXPECT_EQ(comparisons[0].second_only, 0);
  EXPECT_EQ(comparisons[0].difference, 0.5);
  EXPECT_DOUBLE_EQ(comparisons[0].p_value, 2.0 / 32);
  EXPECT_TRUE(compare_systems(two_systems(first, {{99, 0, 0, true, true}})).empty());
  // the same row number of another question
  EXPECT_TRUE(compare_systems(two_systems(first, {{3, 0, 7, true, true}})).empty());
}

std::string table_of(const Study& study) {
  Document document;
  add_comparisons(compare_systems(study), study, document);
  return to_markdown(document);
}

TEST(Comparison, VerdictFollowsTheTest) {
  Answers many, few;
  for (int row = 0; row < 20; ++row) {
    const auto user = static_cast<std::uint64_t>(row);
    many.push_back({row, user, 0, true, row < 11});
    few.push_back({row, user, 0, true, row < 1});
  }
  // 10 against 0: p = 2 / 1024
  const std::string better = table_of(two_systems(many, few));
  EXPECT_NE(better.find("**+0.5000**"), std::string::npos) << better;
  EXPECT_NE(better.find("10 won, 0 lost of 20 rows; p = 0.002 "), std::string::npos) << better;
  EXPECT_NE(table_of(two_systems(few, many)).find("**-0.5000**"), std::string::npos);
  for (int row = 6; row < 20; ++row) many[static_cast<std::size_t>(row)].hit = false;  // 5 against 0: p = 0.0625
  const std::string open = table_of(two_systems(many, few));
  EXPECT_NE(open.find("p = 0.062"), std::string::npos) << open;
  EXPECT_EQ(open.find("**"), std::string::npos) << open;
}

TEST(Pairs, RowsOfTwoFolders) {
  // recpo right on rows 0..11, s-dpo on 0..1: 10 won, none lost, p = 2 / 1024
  const Study study = study_of(
      {{"x/r", "recpo", "ml-1m", 1, "", first_right(20, 12)}, {"y/s", "s-dpo", "ml-1m", 1, "", first_right(20, 2)}});
  const std::vector<Comparison> comparisons = compare_systems(study);
  ASSERT_EQ(comparisons.size(), 1u);
  const Comparison& c = comparisons[0];
  EXPECT_EQ(c.rows, 20);
  EXPECT_EQ(c.first_only, 10);
  EXPECT_EQ(c.second_only, 0);
  EXPECT_DOUBLE_EQ(c.difference, 0.5);
  EXPECT_EQ(c.p_value, evaluation::mcnemar_exact(10, 0));
  EXPECT_TRUE(c.significant());
  EXPECT_LT(c.interval->low, 0.5);
  EXPECT_GT(c.interval->high, 0.5);
}

TEST(Pairs, SeedsPairWithTheirOwn) {
  const Study study = study_of({{"a", "recpo", "ml-1m", 1, "", first_right(10, 4)},
                                {"b", "recpo", "ml-1m", 2, "", first_right(10, 1)},
                                {"c", "sft", "ml-1m", 1, "", first_right(10, 1)},
                                {"d", "sft", "ml-1m", 2, "", first_right(10, 3)},
                                {"e", "sft", "ml-1m", 3, "", first_right(10, 9)}});
  const std::vector<Comparison> comparisons = compare_systems(study);
  ASSERT_EQ(comparisons.size(), 1u);
  EXPECT_EQ(comparisons[0].by_seed, (std::vector<double>{0.3, -0.2}));
  EXPECT_EQ(comparisons[0].rows, 20);
  EXPECT_EQ(comparisons[0].first_only, 3);
  EXPECT_EQ(comparisons[0].second_only, 2);
}

// 30 users, of whom recpo answers 10 more than s-dpo, the same ones with both seeds: 10 differences of 2, not 20 of 1.
TEST(Pairs, UserCountsOnce) {
  const auto runs = [](const std::string& user_of_second_seed) {
    return std::vector<MadeRun>{{"a", "recpo", "ml-1m", 1, "", first_right(30, 14)},
                                {"b", "recpo", "ml-1m", 2, "", first_right(30, 14), user_of_second_seed},
                                {"c", "s-dpo", "ml-1m", 1, "", first_right(30, 4)},
                                {"d", "s-dpo", "ml-1m", 2, "", first_right(30, 4), user_of_second_seed}};
  };
  const Study same = study_of(runs("u")), others = study_of(runs("v"));
  EXPECT_DOUBLE_EQ(compare_systems(same)[0].p_value, evaluation::mcnemar_exact(10, 0));
  EXPECT_DOUBLE_EQ(compare_systems(others)[0].p_value, evaluation::mcnemar_exact(20, 0));
}

TEST(Pairs, IntervalCoversOtherSeeds) {
  // every user won with one seed and lost with the other: users agree, seeds do not
  const Study study = study_of({{"a", "recpo", "ml-1m", 1, "", first_right(40, 40)},
                                {"b", "recpo", "ml-1m", 2, "", first_right(40, 0)},
                                {"c", "s-dpo", "ml-1m", 1, "", first_right(40, 0)},
                                {"d", "s-dpo", "ml-1m", 2, "", first_right(40, 20)}});
  const Comparison c = compare_systems(study).at(0);
  EXPECT_EQ(c.by_seed, (std::vector<double>{1, -0.5}));
  EXPECT_DOUBLE_EQ(c.difference, 0.25);
  EXPECT_LT(c.interval->low, -0.3);  // about -0.5: the second seed drawn twice
  EXPECT_EQ(c.interval->high, 1);    // the first twice
}

// Two systems of equal skill, three seeds each: a difference may be claimed in 5 of 100 studies.
TEST(Pairs, EqualSystemsRarelyDiffer) {
  Random random(1, "hits");
  int claims = 0;
  for (int study = 0; study < 100; ++study) {
    std::vector<MadeRun> runs;
    for (int seed = 1; seed <= 3; ++seed)
      for (const char* system : {"recpo", "s-dpo"}) {
        std::vector<bool> hits;
        for (int user = 0; user < 100; ++user) hits.push_back(random.uniform() < 0.2 + 0.003 * user);
        runs.push_back({fmt::format("{}-{}", system, seed), system, "ml-1m", seed, "", hits});
      }
    claims += verdict_of(compare_systems(study_of(runs)).at(0)) != Verdict::kNoDifferenceShown;
  }
  EXPECT_LE(claims, 5);
}

TEST(Pairs, OtherRateIsNoVerdict) {
  const auto runs = [](const char* rate, const char* own) {
    return std::vector<MadeRun>{
        {"a", "recpo", "ml-1m", 1, std::string(own) + R"("align.lr": 0.001)", first_right(40, 30)},
        {"b", "s-dpo", "ml-1m", 1, fmt::format(R"("align.beta": 1, "align.lr": {})", rate), first_right(40, 5)}};
  };
  const Study fair = arrange(read_all(runs("0.001", R"("align.beta": 0.5, "align.lambda": 2, )")), {});
  EXPECT_EQ(verdict_of(compare_systems(fair).at(0)), Verdict::kBetter);
  const Study other = study_of(runs("0.002", ""));
  const Comparison c = compare_systems(other).at(0);
  EXPECT_EQ(c.differing, (std::vector<std::string>{"align.lr (0.001, 0.002)"}));
  EXPECT_EQ(verdict_of(c), Verdict::kNoDifferenceShown);
  const std::string table = table_of(other);
  EXPECT_NE(table.find("+0.6250; not tested: other align.lr (0.001, 0.002)"), std::string::npos) << table;
  EXPECT_NE(table.find("over the 0 comparisons"), std::string::npos) << table;
}

TEST(Pairs, KeysThatOneDoesNotReadMayDiffer) {
  // SASRec trains and answers without [sft], the model's keys and the text of an answer
  const Study study =
      study_of({{"a", "recpo", "ml-1m", 1, R"("sft.lr": 1, "model.size": "tiny", "evaluate.decode": "free")"},
                {"b", "sasrec", "ml-1m", 1, R"("sft.lr": 2, "model.size": "small", "evaluate.decode": "candidates")"},
                {"c", "popularity", "ml-1m", 1, R"("data.max_history": 7)"}});
  for (const Comparison& c : compare_systems(study)) EXPECT_TRUE(c.is_fair()) << c.second->system->name;
  const Study rows = study_of({{"a", "recpo", "ml-1m", 1, R"("data.max_history": 5)"},
                               {"b", "popularity", "ml-1m", 1, R"("data.max_history": 7)"}});
  EXPECT_EQ(compare_systems(rows).at(0).differing, (std::vector<std::string>{"data.max_history (5, 7)"}));
}

TEST(Pairs, SftOfTheSameBudgetMayBeLonger) {
  const char* kRest = R"("sft.steps": 30, "sft.global_batch": 4, "align.steps": 20, "align.global_batch": 2)";
  const Study study = study_of(
      {{"a", "recpo", "ml-1m", 1, kRest}, {"b", "sft", "ml-1m", 1, R"("sft.steps": 40, "sft.global_batch": 4)"}});
  const Comparison c = compare_systems(study).at(0);
  EXPECT_EQ(c.second->system->name, kSftLonger);
  EXPECT_TRUE(c.is_fair());
}

TEST(Pairs, OtherQuestionsAreNoPairs) {
  EXPECT_TRUE(compare_systems(
                  study_of({{"a", "recpo", "ml-1m", 1, "", {true}, "u"}, {"b", "sft", "ml-1m", 1, "", {true}, "v"}}))
                  .empty());
  EXPECT_TRUE(compare_systems(study_of({{"a", "recpo", "ml-1m", 1}, {"b", "sft", "steam", 1}})).empty());
  EXPECT_TRUE(compare_systems(study_of({{"a", "recpo", "ml-1m", 1}, {"b", "sft", "ml-1m", 2}})).empty());
}

TEST(Pairs, ManyComparisonsAreAdjusted) {
  // the same 5 rows won against two systems: p = 2 / 32 each, doubled
  const Study study = study_of({{"a", "recpo", "ml-1m", 1, "", first_right(9, 6)},
                                {"b", "sft", "ml-1m", 1, "", first_right(9, 1)},
                                {"c", "sasrec", "ml-1m", 1, "", first_right(9, 1)}});
  const std::vector<Comparison> comparisons = compare_systems(study);
  ASSERT_EQ(comparisons.size(), 2u);
  EXPECT_DOUBLE_EQ(comparisons[0].p_value, 0.0625);
  EXPECT_DOUBLE_EQ(comparisons[0].adjusted, 0.125);
}

TEST(Pairs, UnknownSystemsAreAlignedModels) {
  const Study study = study_of({{"a", "recpo", "ml-1m", 1, "", first_right(9, 6)},
                                {"b", "another", "ml-1m", 1, "", first_right(9, 2)},
                                {"c", "sft", "ml-1m", 1, "", first_right(9, 1)}});
  std::vector<std::string> pairs;
  for (const Comparison& c : compare_systems(study))
    pairs.push_back(c.first->system->name + " " + c.second->system->name);
  std::ranges::sort(pairs);
  EXPECT_EQ(pairs, (std::vector<std::string>{"another sft", "recpo another", "recpo sft"}));
}

}  // namespace
}  // namespace recpo::report
