// What stands in the tables: base variants, sweeps, seeds pooled.

#include <gtest/gtest.h>

#include <algorithm>

#include "src/support/check.hpp"
#include "tests/report/made_runs.hpp"

namespace recpo::report {
namespace {
double rate(const Variant* variant) { return variant == nullptr ? -1 : *variant->pooled.metric("main", "hr@1").value; }

// The base variant and those that differ from it in none but these keys.
std::vector<const Variant*> grid(const Study& study, const std::string& dataset, const std::string& system,
                                 const std::vector<std::string>& keys) {
  std::vector<const Variant*> found;
  for (const Variant& v : study.variants) {
    const auto varies = [&](const std::string& key) { return std::ranges::find(keys, key) != keys.end(); };
    const auto has = [&](const std::string& key) { return v.settings.contains(key); };
    const bool fits = v.is_base || (!v.changed.empty() && std::ranges::all_of(v.changed, varies));
    if (v.dataset == dataset && v.system->name == system && fits && std::ranges::all_of(keys, has)) found.push_back(&v);
  }
  return found;
}

std::string all_remarks(const Study& study) {
  std::string text;
  for (const std::string& remark : study.remarks) text += remark + "\n";
  return text;
}

TEST(Selection, ThePapersSettingsStandInTheTables) {
  const Study study = study_of({
      {"a", "recpo", "ml-1m", 1, R"("align.lambda": 0.5)", first_right(10, 1)},
      {"b", "recpo", "ml-1m", 1, R"("align.lambda": 1)", first_right(10, 2)},
      {"c", "recpo", "ml-1m", 1, R"("align.lambda": 2.0)", first_right(10, 3)},
      {"d", "recpo", "ml-1m", 1, R"("align.lambda": 3)", first_right(10, 4)},
  });
  EXPECT_DOUBLE_EQ(rate(study.base("ml-1m", "recpo")), 0.3);
  EXPECT_EQ(grid(study, "ml-1m", "recpo", {"align.lambda"}).size(), 4u);
  EXPECT_TRUE(study.remarks.empty()) << all_remarks(study);
}

TEST(Selection, SweptCellsNeverFillInForAMissingOne) {
  const Study study = study_of({
      {"a", "recpo", "ml-1m", 1, R"("data.tier": "full+rating")"},
      {"b", "sft", "ml-1m", 1, R"("data.tier": "filtered")"},
  });
  EXPECT_EQ(study.base("ml-1m", "sft"), nullptr);
  ASSERT_EQ(grid(study, "ml-1m", "sft", {"data.tier"}).size(), 1u);
  EXPECT_EQ(grid(study, "ml-1m", "sft", {"data.tier"})[0]->changed, std::vector<std::string>{"data.tier"});
}

TEST(Selection, WithoutThePapersValueTheCommonOneAndARemark) {
  const Study study = study_of({
      {"a", "sft", "ml-1m", 1, R"("data.tier": "filtered")"},
      {"b", "sft", "ml-1m", 1, R"("data.tier": "full")", first_right(10, 9)},
      {"c", "recpo", "ml-1m", 1, R"("data.tier": "full")"},
  });
  EXPECT_DOUBLE_EQ(rate(study.base("ml-1m", "sft")), 0.9);
  EXPECT_NE(all_remarks(study).find("No run on ml-1m has the paper's data.tier = full+rating: full takes its place."),
            std::string::npos);
}

TEST(Selection, OfOtherKeysTheCommonValue) {
  const Study study = study_of({
      {"a", "recpo", "ml-1m", 1, R"("optimizer.lr": 1e-6)", first_right(10, 1)},
      {"b", "recpo", "ml-1m", 1, R"("optimizer.lr": 1e-5)", first_right(10, 2)},
      {"c", "sft", "ml-1m", 1, R"("optimizer.lr": 1e-5)"},
  });
  EXPECT_DOUBLE_EQ(rate(study.base("ml-1m", "recpo")), 0.2);
  const Study tie = study_of({
      {"a", "recpo", "ml-1m", 1, R"("optimizer.lr": 1e-6)", first_right(10, 1)},
      {"b", "recpo", "ml-1m", 1, R"("optimizer.lr": 1e-5)", first_right(10, 2)},
  });
  EXPECT_DOUBLE_EQ(rate(tie.base("ml-1m", "recpo")), 0.1);
}

TEST(Selection, TwoChangesAtOnceEnterNoSweep) {
  const Study study = study_of({
      {"a", "recpo", "ml-1m", 1, R"("align.lambda": 2, "align.margin": "ratio")"},
      {"b", "recpo", "ml-1m", 1, R"("align.lambda": 1, "align.margin": "log-diff")"},
  });
  EXPECT_EQ(grid(study, "ml-1m", "recpo", {"align.lambda"}).size(), 1u);
  EXPECT_EQ(study.variants[1].changed, (std::vector<std::string>{"align.lambda", "align.margin"}));
  EXPECT_EQ(grid(study, "ml-1m", "recpo", {"align.lambda", "align.margin"}).size(), 2u);
  EXPECT_EQ(grid(study, "ml-1m", "recpo", {"align.lambda", "align.beta"}).size(), 0u);
}

TEST(Selection, SweepsOfAlignmentDoNotMultiplySft) {
  const Study study = study_of({
      {"a", "sft", "ml-1m", 1, R"("align.lambda": 1)"},
      {"b", "sft", "ml-1m", 1, R"("align.lambda": 2)"},
  });
  EXPECT_EQ(study.variants.size(), 1u);
  EXPECT_EQ(study.base("ml-1m", "sft")->seeds.size(), 1u);
  EXPECT_TRUE(study.remarks.empty()) << all_remarks(study);
}

TEST(Selection, WhatChangesRowsTellsVariantsApart) {
  for (const char* system : {"sft", "s-dpo", "popularity"})
    EXPECT_EQ(
        study_of({{"a", system, "ml-1m", 1, R"("align.alpha": 0.5)"}, {"b", system, "ml-1m", 1, R"("align.alpha": 1)"}})
            .variants.size(),
        2u)
        << system;
  const auto variants = [](const char* dataset) {
    return study_of({{"a", "sft", dataset, 1, R"("synthetic.users": 100)"},
                     {"b", "sft", dataset, 1, R"("synthetic.users": 200)"}})
        .variants.size();
  };
  EXPECT_EQ(variants("synthetic"), 2u);
  EXPECT_EQ(variants("ml-1m"), 1u);
}

TEST(Selection, OtherFiguresOfOneSeedAreToldApart) {
  const Study study = study_of({
      {"a", "sft", "ml-1m", 1, "", first_right(10, 2)},
      {"b", "sft", "ml-1m", 1, "", first_right(10, 3)},
  });
  EXPECT_DOUBLE_EQ(rate(study.base("ml-1m", "sft")), 0.2);
  EXPECT_NE(
      all_remarks(study).find("SFT on ml-1m with seed 1 is there twice with other figures: a counts, b does not."),
      std::string::npos);
}

TEST(Pooling, OtherTestsOfTheSameSeedAreAdded) {
  std::vector<RunFolder> runs = read_all({{"a", "sft", "ml-1m", 1, "", first_right(10, 2)}, {"b", "sft", "ml-1m", 1}});
  runs[1].systems[0].tests[0].test = "adherence";
  const Study study = arrange(std::move(runs), paper());
  const Variant& sft = *study.base("ml-1m", "sft");
  EXPECT_DOUBLE_EQ(rate(&sft), 0.2);
  EXPECT_EQ(sft.pooled.test("adherence")->rows, 2);
  EXPECT_TRUE(study.remarks.empty()) << all_remarks(study);
}

TEST(Pooling, SharesOverTheRowsOfAllSeeds) {
  const Study study = study_of({
      {"b", "recpo", "ml-1m", 10, "", first_right(20, 4)},
      {"a", "recpo", "ml-1m", 9, "", first_right(10, 5)},
  });
  const Variant& recpo = *study.base("ml-1m", "recpo");
  ASSERT_EQ(recpo.seeds.size(), 2u);
  EXPECT_EQ(recpo.seeds[0].seed, "9");  // as numbers
  EXPECT_DOUBLE_EQ(rate(&recpo), 9.0 / 30);
  EXPECT_EQ(recpo.pooled.test("main")->rows, 30);
  EXPECT_EQ(values_of_seeds(recpo.seeds, "main", "hr@1"), (std::vector<double>{0.5, 0.2}));
}

// Users that are always right or always wrong: a second seed teaches nothing, and the interval must not shrink as it
// would for independent rows. Two seeds that hold different users do teach.
TEST(Pooling, UsersAreResampledNotRows) {
  const auto width = [](const std::vector<MadeRun>& made) {
    const Study study = study_of(made);
    const Estimate& estimate = study.base("ml-1m", "sft")->pooled.metric("main", "hr@1");
    return *estimate.high - *estimate.low;
  };
  const std::vector<bool> hits = first_right(100, 50);
  const double same = width({{"a", "sft", "ml-1m", 1, "", hits, "u"}, {"b", "sft", "ml-1m", 2, "", hits, "u"}});
  const double other = width({{"a", "sft", "ml-1m", 1, "", hits, "u"}, {"b", "sft", "ml-1m", 2, "", hits, "v"}});
  // 2 x 1.96 sqrt(0.25 / n) for n = 100 and 200 users; percentiles of 2,000 draws know their ends to about a tenth
  EXPECT_NEAR(same, 2 * 1.96 * 0.05, 0.02);
  EXPECT_NEAR(other, 2 * 1.96 * 0.05 / std::sqrt(2.0), 0.02);
}

TEST(Pooling, WithoutPredictionsTheMeanOfTheIntervals) {
  std::vector<RunFolder> runs =
      read_all({{"a", "sft", "ml-1m", 1, "", first_right(10, 2)}, {"b", "sft", "ml-1m", 2, "", first_right(10, 4)}});
  runs[1].answers.clear();
  const Study study = arrange(std::move(runs), paper());
  const Estimate& estimate = study.base("ml-1m", "sft")->pooled.metric("main", "hr@1");
  EXPECT_DOUBLE_EQ(*estimate.low, (0.1 + 0.2) / 2);
  EXPECT_DOUBLE_EQ(*estimate.high, (0.6 + 0.7) / 2);
}

TEST(Pooling, SpreadOverBuckets) {
  const auto bucket = [](double value) {
    TestMetrics figures;
    figures.metrics["hr@1"].value = value;
    return figures;
  };
  EXPECT_DOUBLE_EQ(*relative_spread({bucket(0.2), bucket(0.3), bucket(0.4)}), 0.2 / 0.3);
  EXPECT_FALSE(relative_spread({bucket(0.2)}));
  EXPECT_FALSE(relative_spread({bucket(0), bucket(0)}));
}

TEST(Datasets, ThePapersFirstAndFilesByTheirFolder) {
  const Study study = study_of({{"a", "sft", "synthetic"},
                                {"b", "sft", "steam"},
                                {"c", "sft", "recbole", 1, R"("data.path": "/data/lastfm/")"},
                                {"d", "sft", "ml-1m"}});
  EXPECT_EQ(study.datasets, (std::vector<std::string>{"ml-1m", "steam", "recbole (lastfm)", "synthetic"}));
}

TEST(Datasets, AreNamedBySomething) {
  std::vector<RunFolder> runs = read_all({{"a", "sft"}});
  runs[0].systems[0].settings.clear();
  runs[0].preparation = Preparation{};
  runs[0].preparation->dataset = "ml-100k";
  EXPECT_EQ(arrange(runs, paper()).datasets, std::vector<std::string>{"ml-100k"});
  runs[0].preparation.reset();
  try {
    arrange(runs, paper());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInput);
    EXPECT_EQ(std::string(error.what()), "a/evaluation.json: sft: neither settings nor prepare.json name the data set");
  }
}

}  // namespace
}  // namespace recpo::report
