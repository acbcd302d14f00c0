#pragma once
// Added tokens of a tokenizer.json: strings that become one token before any pre-tokenization, leftmost first, the
// longest of those that begin at one place. Where special tokens are not asked for, their spelling in a text is
// ordinary text: it is skipped, so that no special token comes from data and no shorter added token is found inside it
// (the behavior of Hugging Face's tokenizers with encode_special_tokens).

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace recpo::text {

struct AddedToken {
  std::string content;
  std::int32_t id = -1;
  bool special = false;
  bool normalized = false;   // searched for in a second pass, in what the first leaves
  bool single_word = false;  // skipped where a letter, mark, decimal digit or connector (\w) stands next to it
  bool lstrip = false;       // takes the white space to its left with it
  bool rstrip = false;       // and to its right
};

// A token, or text between tokens (id < 0).
struct Section {
  std::string_view text;
  std::int32_t id = -1;
};

class AddedTokens {
 public:
  void add(AddedToken token);
  bool holds_ordinary(std::string_view content) const;  // a token that is not special
  // `text`: valid UTF-8. Special tokens are found within its first `special_bytes` only.
  std::vector<Section> split(std::string_view text, std::size_t special_bytes = 0) const;

 private:
  // The tokens of one pass.
  struct Pass {
    std::map<std::string, AddedToken, std::less<>> tokens;  // by content
    std::bitset<256> first_bytes;

    const AddedToken* longest_at(std::string_view text) const;
    void search(std::string_view text, const char* special_end, std::vector<Section>& sections) const;
  };

  bool any_ordinary_ = false;
  std::array<Pass, 2> passes_;  // [normalized]
};

// Titles as tokens of a learned tokenizer (tokenizer.titles = "token"): added tokens that are single words and take the
// white space to their left, so that "\nAlien³" in a list and " Alien³" after "Answer:" are the same token, which
// decodes to "Alien³".
//
// Hugging Face's ByteLevel decoder takes an added token of printable Latin-1 letters alone for bytes: of "Alien³" it
// would make the bytes of "Alien" and 0xB3. A Replace decoder before it spells such a title in byte characters.

AddedToken title_token(const std::string& title, std::int32_t id);

// The decoder of a tokenizer.json with these titles as tokens, `byte_level` being the decoder without them.
nlohmann::json title_decoder(std::span<const std::string> titles, nlohmann::json byte_level);

// The regular expression that title_decoder gives a title.
std::string title_pattern(std::string_view title);

}  // namespace recpo::text
