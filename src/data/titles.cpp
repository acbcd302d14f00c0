#include "src/data/titles.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "src/text/utf8.hpp"

namespace recpo::data {
namespace {
constexpr std::string_view kRatingMark = " | Rating:", kEscapedRatingMark = " \\| Rating:";
constexpr std::string_view kEllipsis = "...";
constexpr std::size_t kYearBytes = 7;  // " (1995)"

bool is_year(std::string_view text) {
  return text.size() == 4 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// The " (1995)" at the end of `title`, taken off; "" when there is none or nothing would be left.
std::string take_year(std::string& title) {
  if (title.size() <= kYearBytes) return "";
  const std::string end = title.substr(title.size() - kYearBytes);
  if (!end.starts_with(" (") || !end.ends_with(')') || !is_year(std::string_view(end).substr(2, 4))) return "";
  title.resize(title.size() - kYearBytes);
  return end;
}

void move_article(std::string& title) {
  for (const std::string_view article : {"The", "A", "An"}) {
    const std::string tail = ", " + std::string(article);
    if (title.size() <= tail.size() || !title.ends_with(tail)) continue;
    title.resize(title.size() - tail.size());
    if (title.ends_with(' ')) title.pop_back();
    title = fmt::format("{} {}", article, title);
    return;
  }
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

// Characters without a shape that turn the direction of text, break or forbid breaking lines, or carry hidden text.
bool is_format_control(char32_t c) {
  return c == 0xad || c == 0x61c || c == 0x180e || c == 0x200b || c == 0x200e || c == 0x200f ||
         (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
         (c >= 0x1d173 && c <= 0x1d17a) || (c >= 0xe0000 && c <= 0xe007f);
}

bool is_joiner(char32_t c) { return c == 0x200c || c == 0x200d; }

std::string one_line(std::string_view text) {
  std::string line;
  bool pending_space = false;
  char32_t joiner = 0, previous = 0;
  for (std::size_t position = 0; position < text.size();) {
    const char32_t c = text::next_code_point(text, position);
    if (text::is_white_space(c)) {
      pending_space = !line.empty();
    } else if (is_joiner(c)) {
      joiner = c;
    } else if (!is_control(c) && !is_format_control(c)) {
      const bool joins = joiner != 0 && previous >= 0x80 && c >= 0x80;
      if (std::exchange(pending_space, false)) {
        line += ' ';
      } else if (joins) {
        text::append_utf8(line, joiner);
      }
      joiner = 0;
      previous = c;
      text::append_utf8(line, c);
    }
  }
  return line;
}

std::string escape_rating_marks(std::string_view title) {
  std::string escaped;
  for (auto at = title.find(kRatingMark); at != std::string_view::npos; at = title.find(kRatingMark)) {
    escaped.append(title.substr(0, at)).append(kEscapedRatingMark);
    title.remove_prefix(at + kRatingMark.size());
  }
  return escaped.append(title);
}
}  // namespace

std::string clean_title(std::string_view raw, std::string_view year, bool keep_year) {
  std::string title = one_line(resolve_entities(text::replace_invalid_utf8(raw)));
  std::string year_text = take_year(title);
  move_article(title);
  if (title.empty()) return title;
  if (year_text.empty() && is_year(year)) year_text = " (" + std::string(year) + ")";
  if (keep_year) title += year_text;
  return escape_rating_marks(title);
}

bool cut_title(std::string& title, std::int64_t max_characters) {
  const auto most = static_cast<std::size_t>(max_characters);
  if (most == 0 || title.size() <= most) return false;
  const std::size_t kept = most > kEllipsis.size() ? most - kEllipsis.size() : 1;
  std::size_t count = 0, end = 0, position = 0;
  while (position < title.size() && count++ < most) {
    text::next_code_point(title, position);
    if (count == kept) end = position;
  }
  if (position == title.size()) return false;
  title.resize(end);
  if (title.ends_with(' ')) title.pop_back();
  title += kEllipsis;
  return true;
}

// HTML entities of HTML 4's Latin-1 table and the punctuation that titles use.

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
constexpr Entity kOtherEntities[] = {
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
  if (const auto* at = std::ranges::find(kOtherEntities, name, &Entity::name); at != std::end(kOtherEntities))
    return at->code_point;
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
