#pragma once
// The random texts of scripts/golden/unicode_texts.py, drawn again: all planes, combining marks, emoji sequences,
// control characters, every kind of line end, digits of many scripts, contractions, long runs of spaces, marks of
// direction, and the spellings of special tokens. Valid UTF-8; a pure function of the index.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace recpo::text {

constexpr std::size_t kUnicodeTexts = 10000;

std::string unicode_text(std::uint64_t index);

// FNV-1a over 64 bits; `hash` is what came before.
constexpr std::uint64_t kFnvStart = 0xCBF29CE484222325u;
std::uint64_t fnv(std::uint64_t hash, std::string_view bytes);

// Of a text's ids, four little-endian bytes each, then -1.
std::uint64_t fnv(std::uint64_t hash, std::span<const std::int32_t> ids);

}  // namespace recpo::text
