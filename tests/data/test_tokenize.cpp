// Prompt and completions as tokens: special tokens of a prompt are tokens where asked for, those of a completion never.

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/data/tokenize.hpp"

namespace recpo::data {
namespace {

// Of <|endoftext|> (id 0) and single bytes, with <|im_start|> and a begin token <|begin|> that a template adds.
text::Tokenizer chat_tokenizer(std::int32_t& begin_id, std::int32_t& marker_id) {
  const std::vector<std::string> texts = {"ab"};
  auto file = nlohmann::json::parse(text::Tokenizer::train(texts, 257).file_content());
  marker_id = 257, begin_id = 258;
  file["added_tokens"].push_back({{"id", marker_id}, {"content", "<|im_start|>"}, {"special", true}});
  file["added_tokens"].push_back({{"id", begin_id}, {"content", "<|begin|>"}, {"special", true}});
  file["post_processor"] = {{"type", "TemplateProcessing"},
                            {"single", {{{"SpecialToken", {{"id", "<|begin|>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
                            {"special_tokens", {{"<|begin|>", {{"id", "<|begin|>"}, {"ids", {begin_id}}}}}}};
  return text::Tokenizer::parse("tokenizer.json", file.dump(), "a test's tokenizer");
}

TEST(Tokenize, SpecialTextsOfAPromptAreTokensWhereAskedFor) {
  std::int32_t begin_id = 0, marker_id = 0;
  const text::Tokenizer tokenizer = chat_tokenizer(begin_id, marker_id);
  const std::string prompt = "<|im_start|>user\nab<|im_start|>assistant";
  const std::vector<std::string> completions = {" <|im_start|>a", " b"};
  const std::int32_t end_id = tokenizer.end_id();

  const TokenizedPrompt plain = tokenize(tokenizer, prompt, completions, end_id);
  EXPECT_EQ(std::ranges::count(plain.prompt, marker_id), 0);
  EXPECT_EQ(plain.prompt.front(), begin_id);
  EXPECT_EQ(tokenizer.decode(plain.prompt), prompt);

  const TokenizedPrompt chat = tokenize(tokenizer, prompt, completions, end_id, SpecialTexts::kTokens);
  EXPECT_EQ(chat.prompt.front(), begin_id);
  EXPECT_EQ(std::ranges::count(chat.prompt, marker_id), 2);
  EXPECT_EQ(tokenizer.decode(chat.prompt), "user\nabassistant");
  EXPECT_EQ(chat.answers, plain.answers);
  EXPECT_EQ(tokenizer.decode(chat.answers[0]), completions[0]);
}

TEST(Tokenize, ABeginTokenThatThePromptSpellsIsNotAddedAgain) {
  std::int32_t begin_id = 0, marker_id = 0;
  const text::Tokenizer tokenizer = chat_tokenizer(begin_id, marker_id);
  const std::vector<std::int32_t> begun = tokenize(tokenizer, "a", {}, 0).prompt;
  ASSERT_EQ(begun.size(), 2u);
  EXPECT_EQ(tokenize(tokenizer, "<|begin|>a", {}, 0, SpecialTexts::kTokens).prompt, begun);
  EXPECT_GT(tokenize(tokenizer, "<|begin|>a", {}, 0).prompt.size(), begun.size());
}

}  // namespace
}  // namespace recpo::data
