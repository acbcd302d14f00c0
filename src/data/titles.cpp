#include "src/data/titles.hpp"

#include <fmt/format.h>

#include <algorithm>
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

// Unicode's White_Space.
bool is_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
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
    if (is_space(c)) {
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

}  // namespace recpo::data
