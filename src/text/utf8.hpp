#pragma once
// UTF-8 validation and decoding; the tokenizer behind it may assume valid text.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace recpo::text {

// Bytes of the valid prefix of `text`; text.size() when all of it is valid.
std::size_t valid_utf8_prefix(std::string_view text);

// Every maximal invalid part replaced by U+FFFD, as the Unicode standard (chapter 3, "U+FFFD substitution of maximal
// subparts") recommends and Python's errors="replace" does.
std::string replace_invalid_utf8(std::string_view text);

inline constexpr char32_t kReplacement = 0xfffd;  // replacement character

// Appends one code point (below 0x110000, no surrogate).
void append_utf8(std::string& text, char32_t code_point);

// Reads the code point at `position` of valid UTF-8 and moves `position` behind it.
char32_t next_code_point(std::string_view text, std::size_t& position);

bool is_white_space(char32_t code_point);  // Unicode's White_Space

// The beginning of untrusted text in quotation marks, fit for a one-line message.
std::string excerpt(std::string_view text);

// The reversible map between bytes and printable characters in which byte-level BPE vocabularies are written
// (Radford et al. 2019): a byte that is a printable Latin-1 character stands for itself, the other 68 become
// U+0100, U+0101, .. in rising order. Example: a space is "Ġ" (U+0120), a newline "Ċ" (U+010A).

// Code point of each byte.
const std::array<char32_t, 256>& byte_characters();

std::string bytes_to_characters(std::string_view bytes);

// nullopt when a character stands for no byte. `characters` is valid UTF-8.
std::optional<std::string> characters_to_bytes(std::string_view characters);

}  // namespace recpo::text
