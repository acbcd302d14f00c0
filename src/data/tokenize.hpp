#pragma once
// One place where text becomes tokens for training, scoring and generation: prompt and completion are joined as they
// stand, tokenized as one text and split at the boundary, so training and generation see the same ids. Where a token
// of the joint text straddles the boundary (or the prompt's ids change), the completion is tokenized alone.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/text/tokenizer.hpp"

namespace recpo::data {

struct TokenizedPrompt {
  std::vector<std::int32_t> prompt;                // begin token first where the tokenizer has one; never empty
  std::vector<std::vector<std::int32_t>> answers;  // each closed by end_id
};

// What the text of a special token in a prompt ("<|im_start|>") becomes; in a completion it is always characters.
enum class SpecialTexts : std::uint8_t { kCharacters, kTokens };

// `completions` as they stand (usually with a leading space). A prompt that begins with the begin token's text keeps it
// as the only one where special texts are tokens.
TokenizedPrompt tokenize(const text::Tokenizer& tokenizer, std::string_view prompt,
                         std::span<const std::string> completions, std::int32_t end_id,
                         SpecialTexts special = SpecialTexts::kCharacters);

}  // namespace recpo::data
