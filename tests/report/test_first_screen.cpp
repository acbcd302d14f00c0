// The first screen: verdicts, SFT of the same budget, example questions, groups of runs, runs without an evaluation.

#include <gtest/gtest.h>

#include "src/report/groups.hpp"
#include "src/report/report.hpp"
#include "src/report/sections.hpp"
#include "src/support/check.hpp"
#include "tests/report/made_runs.hpp"
#include "tests/report/well_formed.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::report {
namespace {
namespace fs = std::filesystem;

constexpr const char* kModel = R"("model.path": "", "model.size": "tiny", "model.max_tokens": 64)";

MadeRun ranked(MadeRun run) {
  run.ranks = true;
  return run;
}

std::vector<std::string> answers_of(const Study& study) {
  Document document;
  add_verdicts(study, compare_systems(study), document);
  std::vector<std::string> answers;
  for (const Block& block : document.blocks)
    for (const Finding& finding : std::get<Findings>(block).findings) answers.push_back(finding.answer);
  return answers;
}

Finding::Tone tone_of(const Study& study, std::size_t question) {
  Document document;
  add_verdicts(study, compare_systems(study), document);
  return std::get<Findings>(document.blocks.at(0)).findings.at(question).tone;
}

TEST(Verdicts, ValidAnswers) {
  MadeRun run{"a", "recpo"};
  for (const auto& [ratio, begin] : {std::pair(0.99, "Yes: 99.0 %"), {0.6, "Partly: 60.0 %"}, {0.1, "No: 10.0 %"}}) {
    run.valid_ratio = ratio;
    EXPECT_EQ(answers_of(study_of({run})).at(0).find(begin), 0u) << answers_of(study_of({run})).at(0);
  }
  EXPECT_EQ(answers_of(study_of({{"a", "recpo", "ml-1m", 1, R"("evaluate.decode": "candidates")"}})).at(0),
            "By construction: RecPO decodes candidates only (evaluate.decode).");
  EXPECT_EQ(answers_of(study_of({{"a", "sasrec"}})).at(0),
            "By construction: SASRec ranks the candidates and answers with one of them.");
}

TEST(Verdicts, RankingAgainstReferencePoints) {
  // 40 of 60: better than popularity's 10, no difference from SASRec's 38
  const Study study = study_of({ranked({"a", "recpo", "ml-1m", 1, "", first_right(60, 40)}),
                                ranked({"b", "popularity", "ml-1m", 1, "", first_right(60, 10)}),
                                ranked({"c", "sasrec", "ml-1m", 1, "", first_right(60, 38)})});
  const std::string answer = answers_of(study).at(1);
  EXPECT_EQ(
      answer,
      "RecPO ranks the right title first in 66.7 % [33.3, 83.3] of 60 rows: better than chance (5.0 %), Popularity "
      "(16.7 %); no difference shown from SASRec (63.3 %).");
  EXPECT_EQ(tone_of(study, 1), Finding::Tone::kOpen);
  const Study worse = study_of({ranked({"a", "sft", "ml-1m", 1, "", first_right(60, 2)}),
                                ranked({"c", "sasrec", "ml-1m", 1, "", first_right(60, 38)})});
  EXPECT_NE(
      answers_of(worse).at(1).find("no difference shown from chance (5.0 %); worse than SASRec (63.3 %); not run: "
                                   "Popularity (recpo baseline)."),
      std::string::npos)
      << answers_of(worse).at(1);
  EXPECT_EQ(tone_of(worse, 1), Finding::Tone::kBad);
}

TEST(Verdicts, RanksCountAndTiesShare) {
  // Answers are equal; ranks are not: the first system has row 0 alone, the second shares its place with another.
  MadeRun first{"a", "recpo", "ml-1m", 1, "", first_right(4, 0)}, second{"b", "sft", "ml-1m", 1, "", first_right(4, 0)};
  std::vector<RunFolder> runs = {first.read(), second.read()};
  runs[0].answers["recpo"]["main"][0].ranked_first = 1.F;
  runs[1].answers["sft"]["main"][0].ranked_first = 0.5F;
  const Study study = arrange(std::move(runs), paper());
  const std::vector<Comparison> comparisons = compare_systems(study);
  ASSERT_EQ(comparisons.size(), 2u);
  EXPECT_EQ(comparisons[0].metric, kHitRate);
  EXPECT_EQ(comparisons[1].metric, kRankedHitRate);
  EXPECT_EQ(comparisons[1].rows, 1);
  EXPECT_EQ(comparisons[1].difference, 0.5);
  const auto ranked_first = [](const char* more) {
    return parse_predictions(fmt::format(R"({{"row":1,"split":"test","model":"m","hit":false{}}})", more), "p")
        .at("m")
        .at("main")
        .at(0)
        .ranked_first;
  };
  EXPECT_EQ(ranked_first(R"(,"chosen_rank":1)"), 1.F);
  EXPECT_EQ(ranked_first(R"(,"chosen_rank":2)"), 0.F);
  EXPECT_EQ(ranked_first(R"(,"chosen_rank":2,"chosen_tied":3)"), 1.F / 3);  // places 1 to 3
  EXPECT_EQ(ranked_first(R"(,"chosen_rank":3,"chosen_tied":3)"), 0.F);      // places 2 to 4
  EXPECT_FALSE(ranked_first(""));
}

TEST(Verdicts, NeedTheTestAndTheInterval) {
  Comparison c;
  c.adjusted = 0.01;
  EXPECT_EQ(verdict_of(c), Verdict::kNoDifferenceShown);
  c.interval = evaluation::Interval{0.01, 0.2};
  EXPECT_EQ(verdict_of(c), Verdict::kBetter);
  c.adjusted = 0.06;
  EXPECT_EQ(verdict_of(c), Verdict::kNoDifferenceShown);
  c.adjusted = 0.01;
  c.interval = evaluation::Interval{-0.01, 0.2};
  EXPECT_EQ(verdict_of(c), Verdict::kNoDifferenceShown);
  c.interval = evaluation::Interval{-0.2, -0.1};
  EXPECT_EQ(verdict_of(c), Verdict::kWorse);
}

constexpr const char* kAligned = R"("sft.steps": 30, "sft.epochs": 5, "sft.global_batch": 4, "align.steps": 20,
    "align.global_batch": 2, "align.epochs": 3)";

Study with_sft(const std::string& settings, int right = 10) {
  return study_of({{"a", "recpo", "ml-1m", 1, kAligned, first_right(60, 40)},
                   {"b", "sft", "ml-1m", 1, settings, first_right(60, static_cast<std::size_t>(right))}});
}

TEST(SftLonger, IsThatOfTheSameBudget) {
  const auto sft = [](int steps, int batch, const char* more = "") {
    return fmt::format(R"("sft.steps": {}, "sft.epochs": 5, "sft.global_batch": {}{})", steps, batch, more);
  };
  EXPECT_NE(with_sft(sft(40, 4)).base("ml-1m", kSftLonger), nullptr);  // 30 x 4 + 20 x 2
  EXPECT_NE(with_sft(sft(80, 2)).base("ml-1m", kSftLonger), nullptr);
  EXPECT_NE(with_sft(sft(30, 4, R"(, "sft.longer": true)")).base("ml-1m", kSftLonger), nullptr);
  EXPECT_EQ(with_sft(sft(30, 4)).base("ml-1m", kSftLonger), nullptr);
  EXPECT_EQ(with_sft(sft(40, 4, R"(, "optimizer.lr": 1)")).base("ml-1m", kSftLonger), nullptr);
  EXPECT_EQ(with_sft(sft(50, 4)).base("ml-1m", kSftLonger), nullptr);
}

TEST(SftLonger, AnswersWhatAlignmentAdds) {
  const std::string same_budget = R"("sft.steps": 40, "sft.epochs": 5, "sft.global_batch": 4)";
  EXPECT_EQ(answers_of(with_sft(same_budget))
                .at(2)
                .find("Yes: RecPO against SFT with the same budget in all, +50.0 "
                      "points of HR@1 ["),
            0u)
      << answers_of(with_sft(same_budget)).at(2);
  EXPECT_EQ(answers_of(with_sft(same_budget, 39)).at(2).find("No difference shown: "), 0u);
  EXPECT_EQ(answers_of(with_sft(same_budget, 60)).at(2).find("No, it is worse: "), 0u);
  const std::string shorter = R"("sft.steps": 30, "sft.epochs": 5, "sft.global_batch": 4)";
  EXPECT_EQ(answers_of(with_sft(shorter)).at(2).find("This table cannot answer it: no SFT run with the budget"), 0u);
  EXPECT_EQ(answers_of(study_of({{"b", "sft"}})).at(2), "This table cannot answer it: no aligned model is in it.");
}

TEST(SftLonger, TheNamedDeckHasIt) {
  EXPECT_NE(read_file(*find_shipped(kDeckWithLongerSft)).find("| sft_longer |"), std::string::npos);
}

TEST(SftLonger, OfAnAlignedRunsOwnFolderStays) {
  std::vector<RunFolder> runs = read_all({{"a", "recpo", "ml-1m", 1, kAligned}, {"b", "recpo", "ml-1m", 1, kAligned}});
  runs[1].systems.push_back(
      MadeRun{"b", "sft", "ml-1m", 1, R"("sft.steps": 40, "sft.epochs": 5, "sft.global_batch": 4)"}.read().systems[0]);
  EXPECT_EQ(arrange(std::move(runs), paper()).base("ml-1m", kSftLonger), nullptr);
}

TEST(Verdicts, LimitsNameRowsSeedsAndChance) {
  const std::string one = answers_of(study_of({{"a", "recpo", "ml-1m", 1, kModel}})).at(3);
  EXPECT_EQ(
      one,
      "2 rows, one seed: the spread over trainings is not known; the interval is 50.0 points wide, so smaller "
      "differences stay hidden; a tiny model from random weights, which says little about pretrained ones; chance "
      "alone gives 5.0 %.");
  const std::string two = answers_of(study_of({{"a", "recpo", "ml-1m", 1, R"("model.path": "m/Llama")"},
                                               {"b", "recpo", "ml-1m", 2, R"("model.path": "m/Llama")"}}))
                              .at(3);
  EXPECT_EQ(two.find("4 rows, 2 seeds; "), 0u) << two;
  EXPECT_NE(two.find("; one language model, Llama;"), std::string::npos) << two;
}

TEST(Verdicts, UnknownSystemsAndSeveralDataSets) {
  const Study study = study_of({{"a", "another", "x", 1}, {"b", "recpo", "y", 1}});
  Document document;
  add_verdicts(study, compare_systems(study), document);
  ASSERT_EQ(document.blocks.size(), 2u);
  EXPECT_EQ(std::get<Findings>(document.blocks[0]).title, "x");
  EXPECT_NE(answers_of(study).at(0).find("another's answers"), std::string::npos);
  EXPECT_TRUE(answers_of(study_of({{"a", "popularity"}})).empty());
}

struct Written {
  TemporaryFolder folder;
  fs::path output = folder.path() / "out";
  std::string table;

  explicit Written(const std::vector<MadeRun>& made) {
    for (const MadeRun& run : made) run.write(folder.path() / "runs");
  }
  void report(double refresh_seconds = 0) {
    table = write_report(find_run_folders({folder.path() / "runs"}), output, "T", "x", refresh_seconds);
  }
  std::string file(const char* name) const { return read_file(output / name); }
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Examples, TheSameFiveRowsForAllSystems) {
  Written run({{"a", "recpo", "ml-1m", 3, "", first_right(40, 40)},
               {"b", "sft", "ml-1m", 3, "", first_right(40, 0)},
               {"c", "another", "ml-1m", 3, "", first_right(20, 20)}});
  write_file(run.folder.path() / "runs/a/examples.jsonl",
             R"({"row": 7, "user": "u", "history": [{"title": "A & B", "rating": 4}], "candidates": ["i", "j"],)"
             R"( "chosen": "i"})"
             "\n");
  run.report();
  const std::string page = run.file("index.html");
  EXPECT_EQ(xml_fault(page), "");
  EXPECT_EQ(count(page, "<th class=\"text\">row "), 5u);
  EXPECT_EQ(count(page, "<b class=\"right\">✓ i</b>"), 10u);     // of recpo and another; rows below 20 alone are common
  EXPECT_EQ(count(page, "<td class=\"text\">wrong title"), 5u);  // of sft
  EXPECT_EQ(run.file("index.html"), page);
  run.report();
  EXPECT_EQ(run.file("index.html"), page);
  EXPECT_LT(page.find("Table 1"), page.find("Example questions</h2>"));
  EXPECT_LT(page.find("Example questions</h2>"), page.find("Comparisons in pairs</h2>"));
}

TEST(Examples, HistoriesAreShownAndBadOnesNamed) {
  const std::vector<Question> questions = parse_examples(
      R"({"row": 7, "history": [{"title": "A", "rating": 4.5}, {"title": "B"}], "candidates": ["i", "j"]})"
      "\n",
      "e");
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].history, (std::vector<std::string>{"A (4.5)", "B"}));
  EXPECT_EQ(questions[0].num_candidates, 2u);
  for (const char* bad : {"x\n", R"({"row": 1, "history": 3, "candidates": []})", R"({"row": 1, "history": []})",
                          R"({"row": 1, "history": [{"rating": 1}], "candidates": []})"}) {
    try {
      parse_examples(bad, "examples.jsonl");
      FAIL() << bad;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInput);
      EXPECT_EQ(std::string(error.what()).rfind("examples.jsonl:1", 0), 0u) << error.what();
    }
  }
}

const std::string kSmall = R"("model.path": "", "model.max_tokens": 64, "tokenizer.train_vocab": 300)";
const std::string kLarge = R"("model.path": "m/Large", "model.max_tokens": 512, "tokenizer.train_vocab": 0)";

TEST(Groups, KindsOfModelsAreParts) {
  const std::vector<RunFolder> runs = read_all({{"s/a", "sft", "ml-1m", 1, kSmall},
                                                {"s/b", "recpo", "ml-1m", 1, kSmall},
                                                {"l/a", "base", "ml-1m", 1, kLarge},
                                                {"s/c", "sasrec", "ml-1m", 1, R"("data.max_train_rows": 5)"},
                                                {"l/c", "popularity", "ml-1m"},
                                                {"l/b", "recpo", "steam", 1, kLarge}});
  std::vector<std::vector<std::string>> names;
  for (const auto& group : group_runs(runs)) {
    names.emplace_back();
    for (const RunFolder& run : group) names.back().push_back(run.name);
  }
  EXPECT_EQ(names, (std::vector<std::vector<std::string>>{{"s/a", "s/b", "s/c"}, {"l/a", "l/c", "l/b"}}));
}

TEST(Groups, SweepsAndSeedsAreOne) {
  EXPECT_EQ(group_runs(read_all({{"a", "sft", "ml-1m", 1, kSmall},
                                 {"b", "sft", "ml-1m", 2, kSmall},
                                 {"c", "sft", "steam", 1, kSmall},
                                 {"d", "sft", "ml-1m", 1, R"("model.path": "", "model.max_tokens": 128,
                                                           "tokenizer.train_vocab": 300)"},
                                 {"e", "sasrec"},
                                 {"f", "recpo"}}))
                .size(),
            1u);
}

TEST(Groups, OnePageWithAPartForEach) {
  Written run({{"a", "recpo", "ml-1m", 1, kSmall, first_right(20, 5)}, {"b", "recpo", "ml-1m", 1, kLarge}});
  write_file(run.folder.path() / "runs/a/note.txt", "It shows the way, <not> quality.");
  create_folders(run.output);
  write_file(run.output / "3-results.csv", "gone");
  run.report();
  const std::string page = run.file("index.html"), markdown = run.file("report.md");
  EXPECT_EQ(xml_fault(page), "");
  EXPECT_EQ(count(page, "<h1 id="), 2u);
  EXPECT_EQ(count(page, "<p class=\"note\">It shows the way, &lt;not&gt; quality.</p>"), 1u);
  EXPECT_LT(markdown.find("# runs on ml-1m\n\nIt shows the way"), markdown.find("# Large on ml-1m\n\n- **Are"))
      << markdown;
  EXPECT_NE(run.table.find("# Large on ml-1m"), std::string::npos) << run.table;
  EXPECT_NE(run.file("results.csv").find("ml-1m,recpo,base,1,main,20,"), std::string::npos);
  EXPECT_NE(run.file("2-results.csv").find("ml-1m,recpo,base,1,main,2,"), std::string::npos);
  EXPECT_TRUE(fs::exists(run.output / "2-table1.svg") || fs::exists(run.output / "2-hr.svg"));
  EXPECT_FALSE(fs::exists(run.output / "3-results.csv"));
}

TEST(Partial, CurvesBeforeTheFirstEvaluation) {
  Written run({});
  create_folders(run.folder.path() / "runs");
  write_file(run.folder.path() / "runs/metrics.jsonl", R"({"stage":"sft","step":1,"loss":2.5})"
                                                       "\n"
                                                       R"({"stage":"sft","step":2,"lo)");
  run.report(7);
  const std::string page = run.file("index.html");
  EXPECT_EQ(xml_fault(page), "");
  EXPECT_NE(page.find("Not evaluated yet: runs."), std::string::npos);
  EXPECT_NE(page.find("Loss, supervised fine-tuning"), std::string::npos);
  EXPECT_EQ(page.find("Table 1"), std::string::npos);
  EXPECT_NE(page.find("<meta http-equiv=\"refresh\" content=\"7\"/>"), std::string::npos);
  run.report();
  EXPECT_EQ(run.file("index.html").find("http-equiv"), std::string::npos);
}

TEST(Training, ALineForEachSystemOfAStudy) {
  Written run({{"a", "recpo", "ml-1m", 1}, {"b", "s-dpo", "ml-1m", 1}});
  for (const char* name : {"a", "b"})
    write_file(run.folder.path() / "runs" / name / "metrics.jsonl", R"({"stage":"align","step":1,"loss":2.5})"
                                                                    "\n"
                                                                    R"({"stage":"align","step":2,"loss":2})"
                                                                    "\n");
  run.report();
  const std::string figure = run.file("training.svg");
  EXPECT_NE(figure.find(">RecPO<"), std::string::npos);
  EXPECT_NE(figure.find(">S-DPO<"), std::string::npos);
}

}  // namespace
}  // namespace recpo::report
