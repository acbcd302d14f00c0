// Tables of known figures, and what a broken evaluation.json is told.

#include <gtest/gtest.h>

#include <fstream>

#include "src/report/report.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "tests/data/temporary_folder.hpp"
#include "tests/report/well_formed.hpp"

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
    markdown_table(evaluation_json, "ml-1m");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInput) << error.what();
    return error.what();
  }
  return "no error";
}

TEST(Table, SystemsInOrderBesideThePaper) {
  EXPECT_EQ(markdown_table(kEvaluation, "ml-1m"),
            "| model |    HR@1 [95 % interval] | ValidRatio | HR@1 valid | rows | HR@5 ranked | HR@10 ranked | "
            "NDCG@10 ranked | avoidance | paper HR@1 | paper ValidRatio |\n"
            "|:------|------------------------:|-----------:|-----------:|-----:|------------:|-------------:|"
            "---------------:|----------:|-----------:|-----------------:|\n"
            "| base  | 0.0000 [0.0000, 0.0000] |     0.0000 |          - |  943 |           - |            - | "
            "             - |         - |     0.0929 |           0.7351 |\n"
            "| recpo | 0.1177 [0.0976, 0.1389] |     0.9968 |     0.1181 |  943 |      0.3000 |       0.5000 | "
            "        0.2500 |    0.8000 |     0.3451 |           0.9969 |\n"
            "\nA random candidate is right with probability 0.0500.\n");
}

TEST(Table, NoPaperColumnsWhereThePaperIsSilent) {
  EXPECT_EQ(markdown_table(kEvaluation, "ml-100k").find("paper"), std::string::npos);
}

TEST(Table, BadJsonNamesWhatIsWrong) {
  EXPECT_NE(message_of("{").find("evaluation.json"), std::string::npos);
  EXPECT_NE(message_of("[]").find("evaluation.json: expected an object"), std::string::npos);
  EXPECT_NE(message_of(R"({"gpt": {}})").find("gpt is no system; known: base, sft"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": 3})").find("sft"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"hr@1": 0.5}}})").find("rows is missing"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": -1}}})").find("rows must be"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 3, "hr@1": 1.5}}})").find("hr@1 must be"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 3, "hr@1": "x"}}})").find("hr@1 must be"), std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 3, "hr@1_ci95": [0.5, 0.2]}}})").find("two rising numbers"),
            std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"main": {"rows": 3, "hr@1_ci95": 1}}})").find("two rising numbers"),
            std::string::npos);
  EXPECT_NE(message_of(R"({"sft": {"history-length": {}}})").find("a list in brackets"), std::string::npos);
  EXPECT_EQ(message_of("{}"), "no error");
}

TEST(WriteReport, TablesFiguresAndPairedTest) {
  const TemporaryFolder folder;
  write_file(folder.path() / "evaluation.json", kEvaluation);
  const std::string table = write_report(folder.path(), "ml-1m");
  EXPECT_EQ(read_file(folder.path() / "report/table.md"), table);
  EXPECT_EQ(table, markdown_table(kEvaluation, "ml-1m"));
  const std::string csv = read_file(folder.path() / "report/table.csv");
  EXPECT_NE(csv.find("\nbase,main,943,0,0,0,0,0,0,,,,,,,,,,,,,,,0.0929,0.7351\n"), std::string::npos) << csv;
  EXPECT_NE(csv.find("\nrecpo,main,943,940,111,0.1177,0.0976,0.1389,0.9968,0.9926,1,0.1181,,,0.05,0.1,0.1,0.2,0.15,0.3,"
                     "0.2,0.5,0.25,0.3451,0.9969\n"),
            std::string::npos)
      << csv;
  EXPECT_NE(csv.find("\nrecpo,avoidance,100,90,80,0.8,"), std::string::npos);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "report/hr.svg"));
  const std::string page = read_file(folder.path() / "report/index.html");
  EXPECT_EQ(xml_fault(page), "");
  EXPECT_NE(page.find("<td>0.1177 [0.0976, 0.1389]</td>"), std::string::npos);
  EXPECT_NE(page.find("<svg "), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "report/training.svg"));

  write_file(folder.path() / "metrics.jsonl", "{\"stage\":\"sft\",\"step\":1,\"loss\":2.5}\n");
  write_report(folder.path(), "ml-1m");
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "report/training.svg"));
}

TEST(WriteReport, NamesTheFile) {
  const TemporaryFolder folder;
  const auto message = [&]() -> std::string {
    try {
      write_report(folder.path(), "ml-1m");
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
