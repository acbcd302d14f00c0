#pragma once
// UTF-8 at the border of the tokenizer: everything behind it may rely on valid text.

#include <cstddef>
#include <string>
#include <string_view>

namespace recpo::text {

// Bytes of the valid prefix of `text`; text.size() when all of it is valid.
std::size_t valid_utf8_prefix(std::string_view text);

// Every maximal invalid part replaced by U+FFFD, as the Unicode standard (chapter 3, "U+FFFD substitution of maximal
// subparts") recommends and Python's errors="replace" does.
std::string replace_invalid_utf8(std::string_view text);

inline constexpr char32_t kReplacement = 0xfffd;  // stands for what is no character

// Appends one code point (below 0x110000, no surrogate).
void append_utf8(std::string& text, char32_t code_point);

// Reads the code point at `position` of valid UTF-8 and moves `position` behind it.
char32_t next_code_point(std::string_view text, std::size_t& position);

// The beginning of untrusted text in quotation marks, fit for a one-line message.
std::string excerpt(std::string_view text);

}  // namespace recpo::text
