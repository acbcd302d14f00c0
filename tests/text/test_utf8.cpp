#include <gtest/gtest.h>

#include "src/text/utf8.hpp"

namespace recpo::text {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";

TEST(Utf8, EveryCodePointSurvives) {
  for (char32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    std::string text;
    append_utf8(text, code_point);
    ASSERT_EQ(valid_utf8_prefix(text), text.size());
    ASSERT_EQ(replace_invalid_utf8(text), text);
    std::size_t position = 0;
    ASSERT_EQ(next_code_point(text, position), code_point);
    ASSERT_EQ(position, text.size());
  }
}

TEST(Utf8, InvalidPartsAreReplacedOneByOne) {
  // Input and the number of replacements before the closing "x" (the Unicode standard's table 3-8 and its kin).
  const std::vector<std::pair<std::string, int>> cases = {
      {"\x80", 1},         {"\xC0\xAF", 2},         {"\xC3", 1},         {"\xE2\x82", 1},     {"\xF0\x9F\x98", 1},
      {"\xED\xA0\x80", 3}, {"\xF4\x90\x80\x80", 4}, {"\xFF\xFE", 2},     {"\xE0\x80\x80", 3}, {"\xF0\x80\x80\x80", 4},
      {"\xF5\x80", 2},     {"\xE2\x82\xE2\x82", 2}, {"\xF1\x80\xC3", 2},
  };
  for (const auto& [bytes, count] : cases) {
    std::string expected;
    for (int i = 0; i < count; ++i) expected += kReplacement;
    EXPECT_EQ(replace_invalid_utf8(bytes + "x"), expected + "x");
    EXPECT_EQ(replace_invalid_utf8("é" + bytes), "é" + expected);
    EXPECT_EQ(valid_utf8_prefix("é" + bytes), 2u);
  }
}

TEST(Utf8, ExcerptIsOneShortValidLine) {
  EXPECT_EQ(excerpt("a\nb"), "\"a b\"");
  const std::string cut = excerpt(std::string(59, 'a') + "é and more");
  EXPECT_EQ(cut, '"' + std::string(59, 'a') + "..\"");
}

TEST(ByteCharacters, AreABijection) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  EXPECT_EQ(characters_to_bytes(bytes_to_characters(bytes)), bytes);
  EXPECT_EQ(bytes_to_characters(" \n!~\xAD"), "ĠĊ!~Ń");
  EXPECT_EQ(characters_to_bytes(" "), std::nullopt);
  EXPECT_EQ(characters_to_bytes("日"), std::nullopt);
}

}  // namespace
}  // namespace recpo::text
