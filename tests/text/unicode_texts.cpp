#include "tests/text/unicode_texts.hpp"

#include <array>

#include "src/support/random.hpp"
#include "src/text/utf8.hpp"

namespace recpo::text {
namespace {

constexpr std::array kEmoji = {"\U0001F44D\U0001F3FD",
                               "\U0001F468\u200D\U0001F469\u200D\U0001F467",
                               "\U0001F1E9\U0001F1EA",
                               "\u2764\uFE0F",
                               "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
                               "5\uFE0F\u20E3",
                               "\U0001FAE8",
                               "\u270C"};
constexpr std::array kLineEnds = {"\n", "\r", "\r\n", "\u0085", "\u2028", "\n\n", " \n", "\n "};
constexpr std::array<char32_t, 10> kZeros = {0x30,   0x660,   0x966,   0xE50,   0x1810,
                                             0xFF10, 0x104A0, 0x11DA0, 0x1D7CE, 0x1FBF0};
constexpr std::array kContractions = {"'s", "'S",  "'t", "'Re", "'rE",     "'ve", "'VE",
                                      "'m", "'Ll", "'D", "'ſ",  "\u2019s", "'x",  "''ll"};
constexpr std::array kSpaces = {" ", " ", " ", "\t", "\u00A0", "\u3000"};
constexpr std::array kMarks = {"\u200E", "\u200F", "\u202E", "\u2067", "\uFEFF", "\u200D", "\u180E", "\u061C"};
constexpr std::array kSpecial = {"<|begin_of_text|>",
                                 "<|end_of_text|>",
                                 "<|eot_id|>",
                                 "<|start_header_id|>",
                                 "<|reserved_special_token_7|>",
                                 "<|endoftext|>",
                                 "<|im_start|>",
                                 "<|eot_id",
                                 "|>"};

std::string character(std::uint64_t code_point) {
  std::string text;
  append_utf8(text, code_point >= 0xD800 && code_point < 0xE000 ? U'\uFFFD' : static_cast<char32_t>(code_point));
  return text;
}

template <std::size_t N>
std::string any_of(Random& random, const std::array<const char*, N>& list) {
  return list[random.below(N)];
}

template <class Draw>
std::string repeat(std::uint64_t count, Draw draw) {
  std::string text;
  for (; count > 0; --count) text += draw();
  return text;
}

std::string digits(Random& random) {
  const char32_t zero = kZeros[random.below(kZeros.size())];
  return repeat(1 + random.below(6), [&] { return character(zero + random.below(10)); });
}

std::string spaces(Random& random) {
  const std::string space = any_of(random, kSpaces);
  return repeat(1 + random.below(40), [&] { return space; });
}

std::string control_character(Random& random) {
  const std::uint64_t low = random.below(0x20);
  return character(low + (random.below(2) == 1 ? 0x80 : 0));
}

std::string of_any_plane(Random& random) {
  const std::uint64_t plane = random.below(17);
  return character(plane * 0x10000 + random.below(0x10000));
}

std::string element(Random& random) {
  switch (random.below(13)) {
    case 0:
      return of_any_plane(random);
    case 1:
      return character(random.below(0x33480));
    case 2:
      return character(random.below(0x3000));
    case 3:
      return character(0x300 + random.below(0x70));
    case 4:
      return any_of(random, kEmoji);
    case 5:
      return control_character(random);
    case 6:
      return any_of(random, kLineEnds);
    case 7:
      return digits(random);
    case 8:
      return any_of(random, kContractions);
    case 9:
      return spaces(random);
    case 10:
      return any_of(random, kMarks);
    case 11:
      return any_of(random, kSpecial);
    default:
      return repeat(1 + random.below(8), [&] { return character(0x21 + random.below(94)); });
  }
}
}  // namespace

std::string unicode_text(std::uint64_t index) {
  Random random(9, "unicode", index);
  return repeat(random.below(40), [&] { return element(random); });
}

std::uint64_t fnv(std::uint64_t hash, std::string_view bytes) {
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3u;
  return hash;
}

std::uint64_t fnv(std::uint64_t hash, std::span<const std::int32_t> ids) {
  const auto add = [&hash](std::uint32_t id) {
    for (int shift = 0; shift < 32; shift += 8) hash = (hash ^ (id >> shift & 0xFF)) * 0x100000001B3u;
  };
  for (const std::int32_t id : ids) add(static_cast<std::uint32_t>(id));
  add(0xFFFFFFFFu);
  return hash;
}

}  // namespace recpo::text
