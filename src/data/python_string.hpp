#pragma once
// What stands between the quotes of a string of Python or JSON, as text. \uXXXX and \UXXXXXXXX are code points, two
// halves of a surrogate pair one; what is none becomes U+FFFD. \xNN and octal numbers are code points in strings with
// the prefix u, and bytes in others: bytes in a row that are UTF-8 are read as such ('K\xc3\xb6lsch'), others as
// Latin-1
// ('Pok\xe9mon'). An unknown escape stays as it is, except JSON's \/.

#include <cstddef>
#include <string>
#include <string_view>

namespace recpo::data {

// `raw` must not end inside an escape. `offset` is its place in the line, for BadLine.
void unescape(std::string_view raw, bool unicode, std::size_t offset, std::string& result);

// Throws BadLine: what is wrong, and at which byte of the line (from 1).
[[noreturn]] void fail_at(std::string_view what, std::size_t offset);

}  // namespace recpo::data
