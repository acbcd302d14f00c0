// HTML entities of HTML 4's Latin-1 table and the punctuation that titles use.

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "src/data/titles.hpp"
#include "src/text/utf8.hpp"

namespace recpo::data {
namespace {
// Code points 160 to 255, in order.
constexpr std::array<std::string_view, 96> kLatin1 = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",
    "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",
    "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave",
    "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",
    "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",
    "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute",
    "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave",
    "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide",
    "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};

struct Entity {
  std::string_view name;
  char32_t code_point;
};
constexpr Entity kOthers[] = {
    {"amp", '&'},      {"lt", '<'},        {"gt", '>'},        {"quot", '"'},      {"apos", '\''},
    {"ndash", 0x2013}, {"mdash", 0x2014},  {"lsquo", 0x2018},  {"rsquo", 0x2019},  {"sbquo", 0x201a},
    {"ldquo", 0x201c}, {"rdquo", 0x201d},  {"bdquo", 0x201e},  {"bull", 0x2022},   {"hellip", 0x2026},
    {"prime", 0x2032}, {"Prime", 0x2033},  {"euro", 0x20ac},   {"trade", 0x2122},  {"OElig", 0x0152},
    {"oelig", 0x0153}, {"Scaron", 0x0160}, {"scaron", 0x0161}, {"Yuml", 0x0178},   {"fnof", 0x0192},
    {"ensp", 0x2002},  {"emsp", 0x2003},   {"thinsp", 0x2009}, {"dagger", 0x2020}, {"Dagger", 0x2021}};
constexpr std::size_t kLongestName = 16;

std::optional<char32_t> numeric(std::string_view digits) {
  const bool hexadecimal = !digits.empty() && (digits[0] == 'x' || digits[0] == 'X');
  if (hexadecimal) digits.remove_prefix(1);
  std::uint32_t value = 0;
  const char* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, value, hexadecimal ? 16 : 10);
  if (digits.empty() || end != last) return std::nullopt;
  const bool valid = error == std::errc() && value != 0 && value < 0x110000 && (value < 0xd800 || value > 0xdfff);
  return valid ? static_cast<char32_t>(value) : text::kReplacement;
}

std::optional<char32_t> named(std::string_view name) {
  if (const auto* at = std::ranges::find(kLatin1, name); at != kLatin1.end())
    return static_cast<char32_t>(160 + (at - kLatin1.begin()));
  if (const auto* at = std::ranges::find(kOthers, name, &Entity::name); at != std::end(kOthers)) return at->code_point;
  return std::nullopt;
}
}  // namespace

std::string resolve_entities(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const auto end = text[i] == '&' ? text.substr(0, i + kLongestName + 2).find(';', i) : std::string_view::npos;
    std::optional<char32_t> code_point;
    if (end != std::string_view::npos && end > i + 1) {
      const std::string_view name = text.substr(i + 1, end - i - 1);
      code_point = name[0] == '#' ? numeric(name.substr(1)) : named(name);
    }
    if (code_point) {
      text::append_utf8(result, *code_point);
      i = end + 1;
    } else {
      result += text[i++];
    }
  }
  return result;
}

}  // namespace recpo::data
