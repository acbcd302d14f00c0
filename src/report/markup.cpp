#include "src/report/markup.hpp"

#include "src/text/utf8.hpp"

namespace recpo::report {
namespace {
constexpr const char* kReplacement = "\xEF\xBF\xBD";

bool is_noncharacter(std::string_view three_bytes) {  // U+FFFE and U+FFFF
  return three_bytes == "\xEF\xBF\xBE" || three_bytes == "\xEF\xBF\xBF";
}
}  // namespace

std::string escape_markup(std::string_view text) {
  const std::string valid = text::replace_invalid_utf8(text);
  std::string result;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const char c = valid[i];
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (c == '\'') {
      result += "&#39;";
    } else if (c == '\n' || c == '\t' || c == '\r') {
      result += ' ';
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      result += kReplacement;
    } else if (is_noncharacter(std::string_view(valid).substr(i, 3))) {
      result += kReplacement;
      i += 2;
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace recpo::report
