#pragma once
// Added tokens of a tokenizer.json: strings that become one token before any pre-tokenization, leftmost first, the
// longest of those that begin at one place. A special token's spelling in a text is ordinary text: it is passed over
// as a whole, so that no special token comes from data and no shorter added token is found inside it (the behavior of
// Hugging Face's tokenizers with encode_special_tokens).

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace recpo::text {

struct AddedToken {
  std::string content;
  std::int32_t id = -1;
  bool special = false;
  bool normalized = false;  // searched for in a second pass, in what the first leaves
};

// A token, or text between tokens (id < 0).
struct Section {
  std::string_view text;
  std::int32_t id = -1;
};

class AddedTokens {
 public:
  void add(AddedToken token);
  std::vector<Section> split(std::string_view text) const;

 private:
  void search(std::string_view text, bool normalized, std::vector<Section>& sections) const;
  const AddedToken* longest_at(std::string_view text, bool normalized) const;

  bool any_ordinary_ = false;
  std::array<std::vector<AddedToken>, 256> by_first_byte_;
};

}  // namespace recpo::text
