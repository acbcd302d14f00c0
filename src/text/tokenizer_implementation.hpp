#pragma once
// The parsed tokenizer: filled by one reader a format, used by tokenizer.cpp. Immutable afterwards.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "src/text/added_tokens.hpp"
#include "src/text/byte_pair_encoder.hpp"
#include "src/text/pre_tokenizer.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::text {

// Vocabularies end far below; a larger id in a file is an error, not an allocation.
constexpr std::int64_t kMaxVocabSize = std::int64_t{1} << 22;

struct Token {
  enum class Kind : std::uint8_t { kMissing, kOrdinary, kSpecial };
  Kind kind = Kind::kMissing;  // kMissing: ids need not be consecutive
  std::string bytes;           // what it decodes to
};

struct Tokenizer::Implementation {
  std::string file_name, file_content, hash;
  std::vector<Token> tokens;  // by id
  AddedTokens added_tokens;
  PreTokenizer pre_tokenizer;
  BytePairEncoder encoder;
  std::int32_t begin_id = -1, end_id = -1;
};

// Readers of the two formats; `name` appears in errors. Throw kBadInput. They leave file_* and hash empty.
Tokenizer::Implementation parse_tokenizer_json(const std::string& content, const std::string& name);
Tokenizer::Implementation parse_tokenizer_model(const std::string& content, const std::string& name);

// Learns a byte-level BPE from texts: the content of a tokenizer.json. Tokens: the end token <|endoftext|> (id 0), the
// 256 bytes in the order of their characters, then one for each merge, always of the most frequent pair of neighbours
// within pieces, ties by the smaller pair of ids, as long as a pair occurs at least twice, at most `vocab_size` tokens.
// Deterministic; the same tokens as Hugging Face's BpeTrainer. `titles` become a token each (added_tokens.hpp) after
// those, in their order; merges are learned from the rest of the texts. Throws kUsage when vocab_size is below 257.
std::string train_tokenizer_json(std::span<const std::string> texts, int vocab_size,
                                 std::span<const std::string> titles = {});

}  // namespace recpo::text
