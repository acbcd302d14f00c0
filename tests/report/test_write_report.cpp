// The report of many runs, from folders to files.

#include <gtest/gtest.h>

#include <regex>

#include "src/report/report.hpp"
#include "src/support/check.hpp"
#include "tests/report/made_runs.hpp"
#include "tests/report/well_formed.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::report {
namespace {
namespace fs = std::filesystem;

std::string write(const TemporaryFolder& folder, const std::vector<MadeRun>& made) {
  for (const MadeRun& run : made) run.write(folder.path() / "runs");
  return write_report(find_run_folders({folder.path() / "runs"}), folder.path() / "out", "A study");
}

const std::vector<MadeRun> kStudy = {
    {"deep/er/sft-1", "sft", "ml-1m", 1, R"("data.tier": "full+rating")", first_right(20, 4)},
    {"sft-2", "sft", "ml-1m", 2, R"("data.tier": "full+rating")", first_right(20, 6)},
    {"sft-full", "sft", "ml-1m", 1, R"("data.tier": "full")", first_right(20, 2)},
    {"recpo", "recpo", "ml-1m", 1, R"("align.lambda": 2, "align.margin": "ratio")", first_right(20, 12)},
    {"lambda-1", "recpo", "ml-1m", 1, R"("align.lambda": 1, "align.margin": "ratio")", first_right(20, 11)},
    {"log-diff", "recpo", "ml-1m", 1, R"("align.lambda": 2, "align.margin": "log-diff")", first_right(20, 8)},
    {"lr", "recpo", "ml-1m", 1, R"("align.lambda": 2, "align.margin": "ratio", "optimizer.lr": 0.5)",
     first_right(20, 1)},
    {"other", "popularity", "synthetic", 1, "", first_right(20, 1)},
    {"other-2", "bayes", "synthetic", 1, "", first_right(20, 19)},
};

TEST(WriteReport, FilesAreWhole) {
  const TemporaryFolder folder;
  const std::string opening = write(folder, kStudy);
  const fs::path out = folder.path() / "out";
  EXPECT_EQ(opening.find("# A study\n"), 0u) << opening;
  EXPECT_NE(opening.find("| RecPO "), std::string::npos) << opening;
  for (const char* name : {"table1.svg", "figure2.svg", "figure6.svg"})
    EXPECT_EQ(xml_fault(read_file(out / name)), "") << name;
  EXPECT_EQ(xml_fault(read_file(out / "index.html")), "");
  EXPECT_FALSE(fs::exists(out / "figure4a.svg"));
}

TEST(WriteReport, TablesHoldTheNumbers) {
  const TemporaryFolder folder;
  write(folder, kStudy);
  const std::string results = read_file(folder.path() / "out/results.csv");
  EXPECT_NE(results.find("\nml-1m,recpo,base,1,main,20,0.6,"), std::string::npos) << results;
  EXPECT_NE(results.find("\nml-1m,sft,base,1 2,main,40,0.25,"), std::string::npos) << results;
  EXPECT_NE(results.find("\nml-1m,recpo,align.lambda=1,1,main,20,0.55,"), std::string::npos) << results;
  EXPECT_NE(results.find(",0.3451,0.9969,20,12,"), std::string::npos);
  const std::string markdown = read_file(folder.path() / "out/report.md");
  // Table 1: the base variant alone, beside the paper
  EXPECT_TRUE(std::regex_search(
      markdown, std::regex(R"(\| RecPO; recpo +\| +\*\*0\.6000\*\*; \[0\.300, 0\.800\]; paper 0\.3451 \|)")))
      << markdown;
  EXPECT_TRUE(std::regex_search(markdown, std::regex(R"(\| SASRec; sasrec +\| +not run; paper 0\.2671 \|)")));
  // Table 2: ours beside the paper's, and a margin that is missing
  EXPECT_TRUE(std::regex_search(
      markdown,
      std::regex(R"(\| ml-1m +\| RecPO +\| +_0\.4000_; \[[^|]*paper 0\.3160[^|]* \| +not run; paper 0\.3247 \|)")))
      << markdown;
  // Figure 6: no s-dpo here, so no level to compare with
  EXPECT_EQ(markdown.find("S-DPO, ml-1m"), std::string::npos);
}

TEST(WriteReport, WhatIsMissingIsSaid) {
  const TemporaryFolder folder;
  write(folder, kStudy);
  const std::string markdown = read_file(folder.path() / "out/report.md");
  for (const char* row : {R"(\| Zero-shot; base +\| +not run; paper 0\.0929 \|)",  // Table 1
                          R"(\| ml-1m +\| SFT +\| +not run \| +_0\.1000_;[^|]*\| +not run \| +\*\*0\.2500\*\*;)"})
    EXPECT_TRUE(std::regex_search(markdown, std::regex(row))) << row << "\n" << markdown;
}

TEST(WriteReport, WithoutThePapersNumbersThatIsSaid) {
  const Study study = arrange(read_all({{"a", "sft"}, {"b", "recpo"}}), Published{});
  EXPECT_EQ(study.systems.size(), 2u);
  EXPECT_NE(study.base("ml-1m", "sft"), nullptr);
  ASSERT_EQ(study.remarks.size(), 1u);
  EXPECT_EQ(study.remarks[0], "Without the paper's numbers: inputs/paper/published.json was not found.");
  EXPECT_TRUE(study_of({{"a", "sft"}, {"b", "recpo"}}).remarks.empty());
}

TEST(WriteReport, MarginFunctionsByForms) {
  const TemporaryFolder folder;
  const auto settings = [](const char* function, const char* form) {
    return fmt::format(R"("align.margin": "{}", "align.margin_form": "{}")", function, form);
  };
  write(folder, {{"a", "recpo", "ml-1m", 1, settings("ratio", "pairwise"), first_right(10, 4)},
                 {"b", "recpo", "ml-1m", 1, settings("ratio", "printed-eq8"), first_right(10, 2)},
                 {"c", "recpo", "ml-1m", 1, settings("log-diff", "printed-eq8"), first_right(10, 3)}});
  const std::string markdown = read_file(folder.path() / "out/report.md");
  const std::regex row(R"(\| ml-1m +\| RecPO +\| align\.margin_form = printed-eq8 \| +\*\*0\.3000\*\*; [^|]* \|)"
                       R"( +not run[^|]* \| +_0\.2000_; [^|]* \|)");
  EXPECT_TRUE(std::regex_search(markdown, row)) << markdown;
}

TEST(WriteReport, ReferencePointsDoNotCompete) {
  const TemporaryFolder folder;
  write(folder, kStudy);
  const std::string markdown = read_file(folder.path() / "out/report.md");
  EXPECT_EQ(markdown.find("**0.9500**"), std::string::npos);
  EXPECT_NE(markdown.find("| Bayes"), std::string::npos);
}

TEST(WriteReport, PicturesOfOtherRunsGo) {
  const TemporaryFolder folder;
  create_folders(folder.path() / "out");
  for (const char* name : {"sweep-x.y.svg", "figure4a.svg", "mine.svg"})
    write_file(folder.path() / "out" / name, "<svg/>");
  write(folder, kStudy);
  EXPECT_FALSE(fs::exists(folder.path() / "out/sweep-x.y.svg"));
  EXPECT_FALSE(fs::exists(folder.path() / "out/figure4a.svg"));
  EXPECT_TRUE(fs::exists(folder.path() / "out/mine.svg"));
}

TEST(WriteReport, HostileNamesAreEscaped) {
  const TemporaryFolder folder;
  write(folder, {{"<b>&", "sft", "<script>x</script>|", 1, R"("model.path": "<i>")"},
                 {"r", "recpo", "<script>x</script>|", 1, R"("model.path": "<i>")"}});
  const std::string html = read_file(folder.path() / "out/index.html");
  EXPECT_EQ(xml_fault(html), "");
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(xml_fault(read_file(folder.path() / "out/table1.svg")), "");
}

std::string complaint(const TemporaryFolder& folder) {
  try {
    write(folder, {});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInput);
    EXPECT_FALSE(fs::exists(folder.path() / "out"));
    return error.what();
  }
  return "no error";
}

TEST(WriteReport, OneBadFolderOfManyEndsItAndIsNamed) {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "runs/b";
  for (const MadeRun& made : kStudy) made.write(folder.path() / "runs");
  create_folders(run);
  write_file(run / "evaluation.json", "{");
  EXPECT_NE(complaint(folder).find((run / "evaluation.json").string()), std::string::npos);
  write_file(run / "evaluation.json", R"({"sft": {"settings": {"data.dataset": "x"}}})");
  write_file(run / "predictions.jsonl", "{\"row\": 1}\n");
  EXPECT_NE(complaint(folder).find((run / "predictions.jsonl").string() + ":1: hit is missing"), std::string::npos);
  write_file(run / "predictions.jsonl", "");
  write_file(run / "prepare.json", R"({"rows": 3})");
  EXPECT_NE(complaint(folder).find((run / "prepare.json").string() + ": rows: expected an object"), std::string::npos);
}

TEST(FindRunFolders, AtAnyDepthOnceAndInOrder) {
  const TemporaryFolder folder;
  for (const MadeRun& run : kStudy) run.write(folder.path());
  fs::create_directory_symlink(folder.path() / "recpo", folder.path() / "again");
  const auto found = find_run_folders({folder.path() / "sft-2", folder.path()});
  EXPECT_EQ(found.size(), kStudy.size());
  EXPECT_EQ(found[0].filename(), "sft-2");
  EXPECT_EQ(found[1], folder.path() / "deep/er/sft-1");
  EXPECT_EQ(read_run_folders(found)[1].name, "deep/er/sft-1");
  create_folders(folder.path() / "empty");
  EXPECT_THROW(find_run_folders({folder.path() / "empty"}), Error);
  EXPECT_THROW(find_run_folders({folder.path() / "nowhere"}), Error);
}

}  // namespace
}  // namespace recpo::report
