#include <gtest/gtest.h>

#include "src/data/lines.hpp"
#include "src/data/python_literal.hpp"
#include "tests/data/raw_files.hpp"

namespace recpo::data {
namespace {
std::string value_of(const std::string& line, const std::string& key = "a") {
  LiteralRecord record({key});
  record.read(line);
  return std::string(record.required(key));
}

std::string failure(const std::string& line) {
  LiteralRecord record({"a"});
  try {
    record.read(line);
    record.required("a");
  } catch (const BadLine& bad) {
    return bad.what();
  }
  return "";
}
}  // namespace

TEST(PythonLiteral, StringsOfEverySpellingAreTheSameText) {
  for (const TitleSample& sample : title_samples())
    for (const Notation notation : kNotations) {
      const Entries entries = {{"x", spell(sample.raw, notation)}, {"a", spell(sample.raw, notation)}, {"n", "1"}};
      EXPECT_EQ(value_of(record_line(entries, notation).substr(0, record_line(entries, notation).size() - 1)),
                sample.raw);
    }
}

TEST(PythonLiteral, EscapesAreThoseOfPython) {
  EXPECT_EQ(value_of(R"({'a': 'a\a\b\f\n\r\t\v\\\'\"z'})"), "a\a\b\f\n\r\t\v\\'\"z");
  EXPECT_EQ(value_of(R"({"a": "1\/2\u00e9\ud83d\ude00"})"), "1/2é😀");
  EXPECT_EQ(value_of(R"({'a': u'\xe9\351\u00e9\U000000e9'})"), "éééé");
  EXPECT_EQ(value_of(R"({'a': u'\xc3\xa9'})"), "Ã©");          // with u: code points
  EXPECT_EQ(value_of(R"({'a': 'K\xc3\xb6lsch'})"), "Kölsch");  // without: bytes, UTF-8 where they are
  EXPECT_EQ(value_of(R"({'a': b'K\303\266lsch'})"), "Kölsch");
  EXPECT_EQ(value_of(R"({'a': 'Pok\xe9mon'})"), "Pokémon");  // and Latin-1 where they are not
  EXPECT_EQ(value_of(R"({'a': 'Köln\xa0x'})"), "Köln\u00a0x");
  EXPECT_EQ(value_of(R"({'a': '\d\N{DIGIT ONE}\é'})"), R"(\d\N{DIGIT ONE}\é)");
  EXPECT_EQ(value_of(R"({'a': '\0\18'})"), std::string("\0\x01"
                                                       "8",
                                                       3));
  EXPECT_EQ(value_of(R"({'a': '\ud83d!\ude00\ud83d'})"), "\ufffd!\ufffd\ufffd");  // halves alone
  EXPECT_EQ(value_of(R"({'a': u'\U00110000'})"), "\ufffd");
}

TEST(PythonLiteral, ValuesOfOtherKindsArePassedOver) {
  EXPECT_EQ(value_of("{'b': [1, (2, 'x]'), {u'c': None, 'a': 'inner'}], 'd': -1.5e-7, 'e': True, 'a': 'x',}"), "x");
  EXPECT_EQ(value_of("  { \"b\" : { } , \"c\" : [ ] , \"a\" : 12 , \"d\":null }  "), "12");
  EXPECT_EQ(value_of("{'a': 12L}"), "12");
  EXPECT_EQ(value_of("{'a': 1, 'a': 'last'}"), "last");
  EXPECT_EQ(value_of("{u'\\x61': 'x'}"), "x");
  EXPECT_EQ(value_of("{'" + std::string(1 << 20, 'k') + "': '" + std::string(1 << 22, '\\') + "', 'a': 'x'}"), "x");
  LiteralRecord record({"a", "b", "c", "d"});
  record.read("{'a': None, 'b': null, 'c': ''}");
  for (const char* key : {"a", "b", "c", "d"}) EXPECT_EQ(record.optional(key), "");
  EXPECT_EQ(record.required("c"), "");
  record.read("{'a': 1}");  // nothing is left of the record before
  EXPECT_THROW(record.required("c"), BadLine);
}

TEST(PythonLiteral, MistakesAreNamedWithTheirPlace) {
  EXPECT_EQ(failure("[1]"), "no { where one is needed at byte 1");
  EXPECT_EQ(failure(""), "no { where one is needed at byte 1");
  EXPECT_EQ(failure("{'a': 'x}"), "a string that does not end at byte 7");
  EXPECT_EQ(failure(R"({'a': 'x\'})"), "a string that does not end at byte 7");
  EXPECT_EQ(failure("{'a': 'x'"), "no , or } behind a value at byte 10");
  EXPECT_EQ(failure("{'a': 'x' 'y'}"), "no , or } behind a value at byte 11");
  EXPECT_EQ(failure("{'a' 'x'}"), "no : where one is needed at byte 6");
  EXPECT_EQ(failure("{'a': }"), "an unexpected character at byte 7");
  EXPECT_EQ(failure("{'a': "), "the line ends inside the record at byte 7");
  EXPECT_EQ(failure("{'a': exit}"), "an unknown word at byte 7");
  EXPECT_EQ(failure("{'b': [exit()], 'a': 1}"), "an unknown word at byte 8");
  EXPECT_EQ(failure("{'b': [1, (2], 'a': 1}"), "an unexpected character at byte 13");
  EXPECT_EQ(failure("{'a': 'x'} 1"), "something behind the record at byte 12");
  EXPECT_EQ(failure(std::string("{'a': 'x'}\0", 11)), "something behind the record at byte 11");
  EXPECT_EQ(failure("{1: 2}"), "no string where a key is needed at byte 2");
  EXPECT_EQ(failure(R"({'a': u'\u12'})"), "an escape with fewer than 4 digits at byte 11");
  EXPECT_EQ(failure(R"({'a': '\xg0'})"), "an escape with fewer than 2 digits at byte 10");
  EXPECT_EQ(failure("{'b': 1}"), "a is missing");
  EXPECT_EQ(failure("{'a': None}"), "a is missing");
  EXPECT_EQ(failure("{'a': ['x']}"), "the value of a is neither text nor a number");
  EXPECT_EQ(failure("{'a': False}"), "the value of a is neither text nor a number");
}

TEST(PythonLiteral, NestingIsLimited) {
  const auto nested = [](std::size_t depth) {
    return "{'b': " + std::string(depth, '[') + std::string(depth, ']') + ", 'a': 'x'}";
  };
  EXPECT_EQ(value_of(nested(LiteralRecord::kMaxDepth)), "x");
  EXPECT_EQ(failure(nested(LiteralRecord::kMaxDepth + 1)), "nested deeper than 64 at byte 71");
  EXPECT_EQ(failure("{'b': " + std::string(10000000, '{')), "nested deeper than 64 at byte 71");
}

}  // namespace recpo::data
