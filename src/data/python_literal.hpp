#pragma once
// One record a line, written as Python prints a dict (McAuley's and kang205's files, mostly of Python 2) or as JSON:
// the values of a few wanted keys, while everything else is passed over without being copied. One grammar serves both,
// because JSON differs in words and one escape only:
//
//   {u'id': u'761140', 'price': 4.99, "title": "Tom's \u00e9", 'related': {'also_bought': ['a', ..]}, 'early': False}
//
// Values are read as text: a number is its spelling, None and null are absent; escapes as decode_string below.
// A record is bytes from outside: it is read in one pass and without recursion, and nesting is limited. Nothing is
// checked inside a nested value but that brackets match and that it consists of strings, numbers and known words.
// Errors: BadLine, with what is wrong and at which byte (from 1).

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace recpo::data {

class LiteralRecord {
 public:
  static constexpr std::size_t kMaxDepth = 64;

  explicit LiteralRecord(std::vector<std::string> keys);

  // Takes the place of the record before. Of a repeated key the last value counts, as in Python.
  void read(std::string_view line);

  // The value of one of the keys; views hold until the next read. `optional` is "" when the key is absent, `required`
  // throws BadLine then. Both do when the value is neither text nor a number.
  std::string_view optional(std::string_view key) const;
  std::string_view required(std::string_view key) const;

 private:
  struct Field {
    std::string key, value;
    enum { kAbsent, kText, kOther } kind = kAbsent;
  };
  class Scanner;
  const Field& field(std::string_view key) const;
  static void read_value(Scanner& scan, Field& field);
  std::vector<Field> fields_;
};

// What stands between the quotes of a string of Python or JSON, as text. \uXXXX and \UXXXXXXXX are code points, two
// halves of a surrogate pair one; what is none becomes U+FFFD. \xNN and octal numbers are code points in strings with
// the prefix u, and bytes in others: bytes in a row that are UTF-8 are read as such ('K\xc3\xb6lsch'), others as
// Latin-1
// ('Pok\xe9mon'). An unknown escape stays as it is, except JSON's \/.

// `raw` must not end inside an escape. `offset` is its place in the line, for BadLine.
void unescape(std::string_view raw, bool unicode, std::size_t offset, std::string& result);

// Throws BadLine: what is wrong, and at which byte of the line (from 1).
[[noreturn]] void fail_at(std::string_view what, std::size_t offset);

}  // namespace recpo::data
