#pragma once
// The reversible map between bytes and printable characters in which byte-level BPE vocabularies are written
// (Radford et al. 2019): a byte that is a printable Latin-1 character stands for itself, the other 68 become
// U+0100, U+0101, .. in rising order. Example: a space is "Ġ" (U+0120), a newline "Ċ" (U+010A).

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace recpo::text {

// Code point of each byte.
const std::array<char32_t, 256>& byte_characters();

std::string bytes_to_characters(std::string_view bytes);

// nullopt when a character stands for no byte. `characters` is valid UTF-8.
std::optional<std::string> characters_to_bytes(std::string_view characters);

}  // namespace recpo::text
