#include <gtest/gtest.h>

#include "src/commands/command_line.hpp"
#include "src/data/prepare.hpp"
#include "src/support/check.hpp"

namespace recpo::commands {
namespace {

CommandLine parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "recpo");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

std::string usage_error(std::vector<const char*> arguments) {
  try {
    parse(std::move(arguments));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return "";
}

TEST(CommandLine, NothingIsTheBuiltInPipeline) {
  EXPECT_TRUE(parse({}).builtin());
  EXPECT_TRUE(parse({"run.dir=x"}).builtin());
  EXPECT_FALSE(parse({"-i", "d.toml"}).builtin());
  EXPECT_FALSE(parse({"sft"}).builtin());
}

TEST(CommandLine, OptionsStandBeforeAndBehindTheCommand) {
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{"sft", "-i", "d.toml", "sft.steps=3", "--dry-run", "-t", "01:02:03"},
        std::vector<const char*>{"-i", "d.toml", "--dry-run", "-t", "01:02:03", "sft", "sft.steps=3"},
        std::vector<const char*>{"sft.steps=3", "--dry-run", "sft", "-t", "1:02:03", "-i", "d.toml"}}) {
    const CommandLine line = parse(arguments);
    EXPECT_EQ(line.command, CommandName::kSft);
    EXPECT_EQ(line.deck, "d.toml");
    EXPECT_EQ(line.overrides, std::vector<std::string>{"sft.steps=3"});
    EXPECT_TRUE(line.dry_run);
    EXPECT_EQ(line.wall_limit_seconds, 3723.0);
  }
}

TEST(CommandLine, KokkosArgumentsPass) {
  EXPECT_TRUE(parse({"--kokkos-num-threads=2", "sft"}).overrides.empty());
  EXPECT_TRUE(parse({"sft", "--kokkos-print-configuration"}).overrides.empty());
}

TEST(CommandLine, CommandsWithFilesOfTheirOwn) {
  EXPECT_EQ(parse({"export", "--model", "m", "--output", "o"}).output, "o");
  EXPECT_EQ(parse({"generate", "--model", "m", "--prompt", "a b=c", "--max-new-tokens", "5"}).prompt, "a b=c");
  EXPECT_EQ(parse({"generate", "--model", "m", "--prompt", "x", "--max-new-tokens", "5"}).max_new_tokens, 5);
  EXPECT_EQ(parse({"inspect", "runs/x"}).path, "runs/x");
  EXPECT_EQ(parse({"prepare", "--export", "r.jsonl", "-i", "d"}).export_rows, "r.jsonl");
}

TEST(CommandLine, AStudyIsMadeOfFolders) {
  const CommandLine line = parse({"report", "--runs", "a", "b", "--output", "o"});
  EXPECT_EQ(line.runs, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(line.output, "o");
  EXPECT_TRUE(parse({"report", "--runs", "a"}).output.empty());
  EXPECT_TRUE(parse({"report", "-i", "d.toml"}).runs.empty());
  EXPECT_NE(usage_error({"report", "--runs", "a", "b"}).find("--output"), std::string::npos);
  EXPECT_NE(usage_error({"report", "--runs", "a", "-i", "d.toml"}).find("no deck"), std::string::npos);
  EXPECT_NE(usage_error({"report", "run.dir=x", "--runs", "a"}).find("no deck"), std::string::npos);
  EXPECT_NE(usage_error({"report", "-i", "d.toml", "--output", "o"}).find("--runs"), std::string::npos);
}

TEST(CommandLine, HelpIsText) {
  EXPECT_NE(parse({"--help"}).help.find("inspect"), std::string::npos);
  for (const std::string& name : data::dataset_names()) {
    EXPECT_NE(parse({"--help"}).help.find(name), std::string::npos) << name;
    EXPECT_NE(parse({"prepare", "--help"}).help.find(name), std::string::npos) << name;
  }
  EXPECT_NE(parse({"generate", "--help"}).help.find("--max-new-tokens"), std::string::npos);
  EXPECT_TRUE(parse({}).help.empty());
}

TEST(CommandLine, MistakesAreOneLine) {
  EXPECT_NE(usage_error({"evalute"}).find("did you mean evaluate"), std::string::npos);
  EXPECT_NE(usage_error({"sft", "evaluate"}).find("evaluate"), std::string::npos);
  EXPECT_NE(usage_error({"--bogus"}).find("--bogus"), std::string::npos);
  EXPECT_NE(usage_error({"-t", "1:2x"}).find("HH:MM:SS"), std::string::npos);
  EXPECT_NE(usage_error({"-t", "00:00:00"}).find("HH:MM:SS"), std::string::npos);
  EXPECT_NE(usage_error({"-t", "1:2:3:4"}).find("HH:MM:SS"), std::string::npos);
  EXPECT_NE(usage_error({"score", "--model", "m"}).find("--input"), std::string::npos);
  EXPECT_NE(usage_error({"generate", "--model", "m", "--max-new-tokens", "0"}).find("--max-new-tokens"),
            std::string::npos);
}

}  // namespace
}  // namespace recpo::commands
