// The report of a study, from folders to files.

#include <gtest/gtest.h>

#include <regex>

#include "src/report/report.hpp"
#include "src/support/check.hpp"
#include "tests/data/temporary_folder.hpp"
#include "tests/report/made_runs.hpp"
#include "tests/report/well_formed.hpp"

namespace recpo::report {
namespace {
namespace fs = std::filesystem;

std::string write(const TemporaryFolder& folder, const std::vector<MadeRun>& made) {
  for (const MadeRun& run : made) run.write(folder.path() / "runs");
  return write_study(find_run_folders({folder.path() / "runs"}), folder.path() / "out", "A study");
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

TEST(WriteStudy, FilesAreWhole) {
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

TEST(WriteStudy, TablesHoldTheNumbers) {
  const TemporaryFolder folder;
  write(folder, kStudy);
  const std::string results = read_file(folder.path() / "out/results.csv");
  EXPECT_NE(results.find("\nml-1m,recpo,base,1,main,20,0.6,"), std::string::npos) << results;
  EXPECT_NE(results.find("\nml-1m,sft,base,1 2,main,40,0.25,"), std::string::npos) << results;
  EXPECT_NE(results.find("\nml-1m,recpo,align.lambda=1,1,main,20,0.55,"), std::string::npos) << results;
  EXPECT_NE(results.find(",0.3451,0.9969\n"), std::string::npos);
  const std::string markdown = read_file(folder.path() / "out/report.md");
  // Table 1: the base variant alone, beside the paper
  EXPECT_TRUE(std::regex_search(
      markdown, std::regex(R"(\| RecPO; language model +\| +\*\*0\.6000\*\*; \[0\.300, 0\.800\]; paper 0\.3451 \|)")))
      << markdown;
  EXPECT_TRUE(std::regex_search(markdown, std::regex(R"(\| SASRec; traditional +\| +not run; paper 0\.2671 \|)")));
  // Table 2: ours beside the paper's, and a margin that is missing
  EXPECT_TRUE(std::regex_search(
      markdown, std::regex(R"(\| ml-1m +\| +_0\.4000_; \[[^|]*paper 0\.3160 \| +not run; paper 0\.3247 \|)")))
      << markdown;
  // Figure 6: no s-dpo here, so no level to compare with
  EXPECT_EQ(markdown.find("S-DPO, ml-1m"), std::string::npos);
}

TEST(WriteStudy, WhatIsMissingIsSaid) {
  const TemporaryFolder folder;
  write(folder, kStudy);
  const std::string markdown = read_file(folder.path() / "out/report.md");
  for (const char* line :
       {"Table 1, ml-1m: not run at the base settings: Zero-shot (stage evaluate-base), DPO (stages align and evaluate",
        "SASRec (recpo baseline with baseline.model=sasrec)", "No run on amazon-books, steam, beeradvocate",
        "Table 2, ml-1m: RecPO with align.margin = log-ratio not run.",
        "Figure 2, ml-1m: SFT with data.tier = filtered, filtered+rating not run.",
        "Figure 4(a), Adherence rate: not run.", "Figure 6, synthetic: no second value of align.lambda.",
        "Table 3: no prepare.json"})
    EXPECT_NE(markdown.find(line), std::string::npos) << line << "\n" << markdown;
}

TEST(WriteStudy, MarginFunctionsByForms) {
  const TemporaryFolder folder;
  const auto settings = [](const char* function, const char* form) {
    return fmt::format(R"("align.margin": "{}", "align.margin_form": "{}")", function, form);
  };
  write(folder, {{"a", "recpo", "ml-1m", 1, settings("ratio", "pairwise"), first_right(10, 4)},
                 {"b", "recpo", "ml-1m", 1, settings("ratio", "printed-eq8"), first_right(10, 2)},
                 {"c", "recpo", "ml-1m", 1, settings("log-diff", "printed-eq8"), first_right(10, 3)}});
  const std::string markdown = read_file(folder.path() / "out/report.md");
  const std::regex row(R"(\| ml-1m +\| printed-eq8 \| +_0\.2000_; [^|]* \| +\*\*0\.3000\*\*; [^|]* \|)");
  EXPECT_TRUE(std::regex_search(markdown, row)) << markdown;
  EXPECT_EQ(markdown.find("differs from its base in more than one setting"), std::string::npos);
}

TEST(WriteStudy, YardsticksDoNotCompete) {
  const TemporaryFolder folder;
  write(folder, kStudy);
  const std::string markdown = read_file(folder.path() / "out/report.md");
  EXPECT_EQ(markdown.find("**0.9500**"), std::string::npos);
  EXPECT_NE(markdown.find("| Bayes"), std::string::npos);
}

TEST(WriteStudy, PicturesOfOtherRunsGo) {
  const TemporaryFolder folder;
  create_folders(folder.path() / "out");
  for (const char* name : {"sweep-x.y.svg", "figure4a.svg", "mine.svg"})
    write_file(folder.path() / "out" / name, "<svg/>");
  write(folder, kStudy);
  EXPECT_FALSE(fs::exists(folder.path() / "out/sweep-x.y.svg"));
  EXPECT_FALSE(fs::exists(folder.path() / "out/figure4a.svg"));
  EXPECT_TRUE(fs::exists(folder.path() / "out/mine.svg"));
}

TEST(WriteStudy, HostileNamesAreEscaped) {
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

TEST(WriteStudy, OneBadFolderOfManyEndsItAndIsNamed) {
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
