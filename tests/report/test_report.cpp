// Tables of known metrics of a single run, and what a broken evaluation.json is told.

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/baselines/baseline.hpp"
#include "src/evaluation/metrics.hpp"
#include "src/objective/objective.hpp"
#include "src/report/report.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "tests/report/made_runs.hpp"
#include "tests/report/well_formed.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::report {
namespace {
const char* const kEvaluation = R"({
  "recpo": {"main": {"rows": 943, "valid": 940, "hits": 111, "hr@1": 0.1177, "hr@1_ci95": [0.0976, 0.1389],
                     "valid_ratio": 0.9968, "valid_ratio_ci95": [0.9926, 1.0], "hr@1_valid": 0.1181, "chance": 0.05,
                     "ranked": {"hr@1": 0.1, "ndcg@1": 0.1, "hr@3": 0.2, "ndcg@3": 0.15, "hr@5": 0.3, "ndcg@5": 0.2,
                                "hr@10": 0.5, "ndcg@10": 0.25}},
            "avoidance": {"rows": 100, "valid": 90, "hits": 80, "hr@1": 0.8, "avoidance_rate": 0.8}},
  "base": {"main": {"rows": 943, "hr@1": 0.0, "valid_ratio": 0.0, "hr@1_valid": null, "hr@1_ci95": [0.0, 0.0]}}
})";

std::string message_of(const std::string& evaluation_json) {
  try {
    parse_evaluation(evaluation_json, "evaluation.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInput) << error.what();
    return error.what();
  }
  return "no error";
}

struct OneRun {
  TemporaryFolder folder;
  std::filesystem::path output = folder.path() / "report";

  explicit OneRun(const std::string& evaluation) { write_file(folder.path() / "evaluation.json", evaluation); }
  std::string report(const std::string& dataset = "ml-1m") const {
    return write_report({folder.path()}, output, "Run", dataset);
  }
  std::string file(const char* name) const { return read_file(output / name); }
};

// The cells of the row that begins so.
std::vector<std::string> row(const std::string& markdown, const std::string& begin) {
  std::vector<std::string> cells;
  const std::size_t at = markdown.find("| " + begin);
  if (at == std::string::npos) return cells;
  const std::string line = markdown.substr(at, markdown.find('\n', at) - at);
  for (std::size_t from = 1, to; (to = line.find('|', from)) != std::string::npos; from = to + 1) {
    std::string cell = line.substr(from, to - from);
    cell.erase(0, cell.find_first_not_of(' '));
    cell.erase(cell.find_last_not_of(' ') + 1);
    cells.push_back(cell);
  }
  return cells;
}

using Cells = std::vector<std::string>;

TEST(Table, SystemsInOrderBesideThePaper) {
  const std::string table = OneRun(kEvaluation).report();
  EXPECT_EQ(row(table, "system"), (Cells{"system", "HR@1", "ValidRatio", "HR@1 valid", "ranked HR@1", "ranked HR@5",
                                         "ranked HR@10", "ranked NDCG@10", "avoidance", "rows"}))
      << table;
  EXPECT_EQ(row(table, "Zero-shot"), (Cells{"Zero-shot; base", "_0.0000_; [0.000, 0.000]; paper 0.0929",
                                            "0.0000; paper 0.7351", "-", "-", "-", "-", "-", "-", "943"}));
  EXPECT_EQ(row(table, "RecPO"),
            (Cells{"RecPO; recpo", "**0.1177**; [0.098, 0.139]; paper 0.3451", "0.9968; [0.993, 1.000]; paper 0.9969",
                   "0.1181", "0.1000", "0.3000", "0.5000", "0.2500", "0.8000", "943"}));
  EXPECT_EQ(row(table, "SASRec"),
            (Cells{"SASRec; sasrec", "not run; paper 0.2671", "-; paper 1.0000", "-", "-", "-", "-", "-", "-", "-"}));
  EXPECT_EQ(row(table, "random candidate").at(1), "0.0500");
  EXPECT_LT(table.find("| SASRec"), table.find("| Zero-shot"));
  EXPECT_LT(table.find("| Zero-shot"), table.find("| RecPO"));
}

TEST(Table, NoPaperWhereThePaperIsSilent) {
  const std::string table = OneRun(kEvaluation).report("ml-100k");
  EXPECT_EQ(table.find("paper"), std::string::npos);
  EXPECT_TRUE(row(table, "SASRec").empty());
}

TEST(Table, UnknownSystemsTestsAndMetricsAreShown) {
  const OneRun run(R"({"another": {"main": {"rows": 10, "hits": 2, "hr@1": 0.2, "mrr": 0.375, "perplexity": 12.5,
                                     "perplexity_ci95": [11, 14], "nothing": null, "pool": {"items": 100, "auc": 0.75}},
                            "novelty": {"rows": 4, "hr@1": 0.5, "novelty_rate": 0.5},
                            "coverage": {"rows": 4, "titles": 31},
                            "by-length": [{"from": 0, "to": 4, "rows": 4, "hr@1": 0.25},
                                          {"from": 5, "to": null, "rows": 6, "hr@1": 0.75}],
                            "by-length_spread": 1.0, "settings": {"data.dataset": "x", "run.seed": 1}}})");
  const std::string table = run.report();
  EXPECT_EQ(row(table, "system"), (Cells{"system", "HR@1", "mrr", "perplexity", "pool_auc", "pool_items",
                                         "by-length spread", "coverage titles", "novelty", "rows"}))
      << table;
  EXPECT_EQ(row(table, "another"), (Cells{"another", "**0.2000**", "0.3750", "12.5000; [11.000, 14.000]", "0.7500",
                                          "100.0000", "1.0000", "31.0000", "0.5000", "10"}));
  const std::string csv = run.file("results.csv");
  EXPECT_NE(csv.find("mrr,perplexity,perplexity_low,perplexity_high,pool_auc,pool_items,spread,titles\n"),
            std::string::npos)
      << csv;
  EXPECT_NE(csv.find("\nx,another,base,1,main,10,0.2,"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",0.375,12.5,11,14,0.75,100,,\n"), std::string::npos) << csv;
  EXPECT_NE(csv.find("\nx,another,base,1,by-length 5+,6,0.75,"), std::string::npos) << csv;
  for (const char* picture : {"hr.svg", "test-novelty.svg", "test-by-length.svg"})
    EXPECT_EQ(xml_fault(run.file(picture)), "") << picture;
  EXPECT_EQ(xml_fault(run.file("index.html")), "");
}

TEST(Table, WhatIsRegisteredHasItsLabelAndColour) {
  nlohmann::json test = {{"rows", 8}, {"valid", 8}, {"hits", 2}};
  for (const evaluation::Metric* metric : evaluation::metrics())
    (metric->is_ranked() ? test["ranked"] : test)[metric->name] = std::clamp(0.25, metric->lowest, metric->highest);
  std::map<std::string, std::string> colours;  // by label
  nlohmann::json systems;
  for (const objective::Objective* objective : objective::objectives()) {
    systems[objective->name]["main"] = test;
    colours[objective->label] = objective->colour;
  }
  for (const baselines::Baseline* baseline : baselines::baselines()) {
    systems[baseline->name]["main"] = test;
    colours[baseline->label] = baseline->colour;
  }
  const OneRun run(systems.dump());
  const std::string table = run.report("x"), figure = run.file("hr.svg"), csv = run.file("results.csv");
  for (const auto& [label, colour] : colours) {
    EXPECT_FALSE(row(table, label).empty()) << label;
    EXPECT_NE(figure.find(colour), std::string::npos) << label;
  }
  const Cells columns = row(table, "system");
  for (const evaluation::Metric* metric : evaluation::metrics()) {
    EXPECT_EQ(std::ranges::count(columns, metric->label), metric->in_tables ? 1 : 0) << metric->label;
    EXPECT_NE(csv.substr(0, csv.find('\n')).find("," + metric->full_name()), std::string::npos) << metric->label;
  }
}

TEST(Table, BadJsonNamesWhatIsWrong) {
  EXPECT_NE(message_of("{").find("evaluation.json"), std::string::npos);
  EXPECT_NE(message_of("[]").find("evaluation.json: expected an object"), std::string::npos);
  EXPECT_NE(message_of(R"({"../x": {}})").find("\"../x\" is no name"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"a/b": {"rows": 1}}})").find("\"a/b\" is no name"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": "x"}})").find("sft: main: expected a test"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 1, "mrr": "x"}}})").find("mrr must be"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 1, "mrr": [1, 2]}}})").find("mrr must be"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 1, "pool": {"mrr": {}}}}})").find("mrr must be"),
            std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 1, "mrr_ci95": [2, 1]}}})").find("two rising numbers"),
            std::string::npos);
  EXPECT_NE(message_of(R"({"sft": 3})").find("sft"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"hr@1": 0.5}}})").find("rows is missing"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": -1}}})").find("rows must be"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 3, "hr@1": 1.5}}})").find("hr@1 must be"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 3, "hr@1": "x"}}})").find("hr@1 must be"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 3, "hr@1_ci95": [0.5, 0.2]}}})").find("two rising numbers"),
            std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 3, "hr@1_ci95": 1}}})").find("two rising numbers"),
            std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"history-length": [3]}})").find("history-length: expected an object"),
            std::string::npos);
  EXPECT_EQ(message_of("{}"), "no error");
}

TEST(WriteReport, TablesAndFiguresOfARun) {
  const OneRun run(kEvaluation);
  const std::string table = run.report();
  EXPECT_EQ(run.file("table.md"), table);
  const std::string text = results_text(run.folder.path(), "ml-1m");  // under a title of its own
  EXPECT_EQ(text.substr(text.find('\n')), table.substr(table.find('\n')));
  const std::string csv = run.file("table.csv");
  EXPECT_EQ(csv, run.file("results.csv"));
  EXPECT_NE(csv.find("\nml-1m,base,base,,main,943,0,0,0,0,,,,,,0,0,,0.0929,0.7351,0,0,"), std::string::npos) << csv;
  EXPECT_NE(csv.find("\nml-1m,recpo,base,,main,943,0.1177,0.0976,0.1389,0.9968,0.9926,1,0.1181,,,0.1177,0.1177,0.05,"
                     "0.3451,0.9969,940,111,0.1,0.1,0.2,0.15,0.3,0.2,0.5,0.25,"),
            std::string::npos)
      << csv;
  EXPECT_NE(csv.find("\nml-1m,recpo,base,,avoidance,100,0.8,"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(run.output / "hr.svg"));
  const std::string page = run.file("index.html");
  EXPECT_EQ(xml_fault(page), "");
  EXPECT_NE(page.find("<b>0.1177</b><small>[0.098, 0.139]</small>"), std::string::npos);
  EXPECT_NE(page.find("<svg "), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(run.output / "training.svg"));

  write_file(run.folder.path() / "metrics.jsonl", "{\"stage\":\"sft\",\"step\":1,\"loss\":2.5}\n");
  run.report();
  EXPECT_TRUE(std::filesystem::exists(run.output / "training.svg"));
  std::filesystem::remove(run.folder.path() / "metrics.jsonl");
  run.report();
  EXPECT_FALSE(std::filesystem::exists(run.output / "training.svg"));
}

TEST(WriteReport, NamesTheFile) {
  const TemporaryFolder folder;
  const auto message = [&]() -> std::string {
    try {
      write_report({folder.path()}, folder.path() / "report", "Run", "ml-1m");
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kBadInput);
      return error.what();
    }
    return "";
  };
  const std::string evaluation = (folder.path() / "evaluation.json").string();
  EXPECT_NE(message().find(evaluation), std::string::npos);
  write_file(evaluation, "{\"sft\": 1}");
  EXPECT_NE(message().find(evaluation), std::string::npos);
  write_file(evaluation, kEvaluation);
  write_file(folder.path() / "metrics.jsonl", "{\"stage\":\"sft\"}\n");
  EXPECT_NE(message().find("metrics.jsonl:1: step is missing"), std::string::npos);
  write_file(folder.path() / "predictions.jsonl", "x\n");
  EXPECT_NE(message().find("predictions.jsonl:1"), std::string::npos);
}

}  // namespace
}  // namespace recpo::report
