// Equality, id for id, with the reference tokenizers: Hugging Face's and, for Meta's format, tiktoken.

#include <gtest/gtest.h>

#include "src/support/file.hpp"
#include "src/text/tokenizer.hpp"
#include "src/text/utf8.hpp"
#include "tests/text/golden_files.hpp"

namespace recpo::text {
namespace {

using Ids = std::vector<std::int32_t>;
using Texts = std::vector<std::string>;

void expect_ids(const Tokenizer& tokenizer, const Texts& texts, const std::vector<Ids>& expected) {
  ASSERT_LE(expected.size(), texts.size());
  ASSERT_FALSE(expected.empty());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(tokenizer.encode(texts[i]), expected[i]) << texts[i];
}

void expect_golden(const Tokenizer& tokenizer, const std::string& name) {
  const auto golden = golden_json(name);
  EXPECT_EQ(tokenizer.vocab_size(), golden["vocab_size"].get<int>());
  const auto ids = golden["ids"].get<std::vector<Ids>>();
  expect_ids(tokenizer, golden_json("texts.json").get<Texts>(), ids);
  const auto decoded = golden["decoded"].get<Texts>();
  for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(replace_invalid_utf8(tokenizer.decode(ids[i])), decoded[i]);
}

TEST(TokenizerGolden, Gpt2Style) {
  const Tokenizer tokenizer = Tokenizer::load(golden_path("gpt2_style.tokenizer.json"));
  expect_golden(tokenizer, "gpt2_style.ids.json");
  EXPECT_EQ(tokenizer.begin_id(), -1);
  EXPECT_EQ(tokenizer.end_id(), 0);
  EXPECT_EQ(tokenizer.file_name(), "tokenizer.json");
  EXPECT_EQ(tokenizer.hash(), sha256_file_hex(golden_path("gpt2_style.tokenizer.json")));
}

TEST(TokenizerGolden, Llama3Style) {
  const Tokenizer tokenizer = Tokenizer::load(golden_path("llama3_style.tokenizer.json"));
  expect_golden(tokenizer, "llama3_style.ids.json");
  EXPECT_EQ(tokenizer.begin_id(), 401);
  EXPECT_EQ(tokenizer.end_id(), 402);
  EXPECT_EQ(tokenizer.decode(Ids{401, 402}), "");
}

TEST(TokenizerGolden, PreTokenizers) {
  auto file = golden_json("gpt2_style.tokenizer.json");
  const auto texts = golden_json("texts.json").get<Texts>();
  for (const auto& variant : golden_json("pre_tokenizers.json")) {
    SCOPED_TRACE(variant["name"].get<std::string>());
    file["pre_tokenizer"] = variant["pre_tokenizer"];
    expect_ids(Tokenizer::parse("tokenizer.json", file.dump(), "golden"), texts, variant["ids"]);
  }
}

TEST(TokenizerGolden, SmolLm2) {
  const auto path = model_path("SmolLM2-135M-Instruct");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there: scripts/fetch.sh fetches it";
  expect_golden(Tokenizer::load(path), "smollm2.ids.json");
}

TEST(TokenizerGolden, MetaLlama3) {
  const auto path = model_path("llama-3");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there: scripts/fetch.sh tokenizer fetches it";
  const Tokenizer tokenizer = Tokenizer::load(path);
  expect_golden(tokenizer, "llama3.ids.json");
  EXPECT_EQ(tokenizer.begin_id(), 128000);
  EXPECT_EQ(tokenizer.end_id(), 128001);
  EXPECT_EQ(tokenizer.file_name(), "tokenizer.model");
}

}  // namespace
}  // namespace recpo::text
