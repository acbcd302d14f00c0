#include <gtest/gtest.h>

#include <algorithm>

#include "src/support/check.hpp"
#include "src/text/tokenizer.hpp"
#include "tests/text/golden_files.hpp"

namespace recpo::text {
namespace {

using Texts = std::vector<std::string>;

std::vector<std::string> merges_of(const Tokenizer& tokenizer) {
  return nlohmann::json::parse(tokenizer.file_content())["model"]["merges"];
}

TEST(TokenizerTrain, LearnsTheMergesOfTheReferenceTrainer) {
  const auto golden = golden_json("train.json");
  const Tokenizer tokenizer = Tokenizer::train(golden["texts"].get<Texts>(), golden["vocab_size"].get<int>());
  std::vector<std::string> expected;
  for (const auto& merge : golden["merges"]) {
    expected.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  }
  EXPECT_EQ(merges_of(tokenizer), expected);
  EXPECT_EQ(tokenizer.vocab_size(), 450);
}

TEST(TokenizerTrain, CountsByHand) {
  // "ab" four times (twice after a space), " a" and "ab" meet in " ab": ab (4), then " ab" (2).
  const Tokenizer tokenizer = Tokenizer::train(Texts{"ab ab", "ab ab", "xyz"}, 300);
  EXPECT_EQ(merges_of(tokenizer), (std::vector<std::string>{"a b", "Ġ ab"}));
  EXPECT_EQ(tokenizer.vocab_size(), 259);  // x y and y z occur once
  EXPECT_EQ(tokenizer.encode("ab ab").size(), 2u);
  EXPECT_EQ(tokenizer.end_id(), 0);
  EXPECT_EQ(tokenizer.begin_id(), -1);
}

TEST(TokenizerTrain, DigitsStayAlone) {
  const Tokenizer tokenizer = Tokenizer::train(Texts(50, "1995 1995"), 300);
  EXPECT_EQ(tokenizer.encode("1995").size(), 4u);
  EXPECT_EQ(tokenizer.vocab_size(), 257);
}

TEST(TokenizerTrain, FileAndOrderOfTextsDoNotMatter) {
  Texts texts = golden_json("train.json")["texts"].get<Texts>();
  const Tokenizer first = Tokenizer::train(texts, 400);
  std::ranges::reverse(texts);
  const Tokenizer second = Tokenizer::train(texts, 400);
  EXPECT_EQ(first.hash(), second.hash());
  const Tokenizer read = Tokenizer::parse(first.file_name(), first.file_content(), "copy");
  for (const std::string& text : texts) EXPECT_EQ(read.encode(text), second.encode(text));
}

TEST(TokenizerTrain, RefusesTooFewTokens) {
  try {
    Tokenizer::train(Texts{"a"}, 256);
    FAIL() << "256 tokens were accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
  }
}

}  // namespace
}  // namespace recpo::text
