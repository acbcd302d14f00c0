#include "src/data/titles.hpp"

#include <algorithm>
#include <utility>

#include "src/text/utf8.hpp"

namespace recpo::data {
namespace {
constexpr std::string_view kRatingMark = " | Rating:", kEscapedRatingMark = " \\| Rating:";
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
    title = std::string(article) + " " + title.substr(0, title.size() - tail.size());
    return;
  }
}

bool is_space(char32_t c) {
  return c == ' ' || (c >= 0x09 && c <= 0x0d) || c == 0x85 || c == 0xa0 || c == 0x2028 || c == 0x2029;
}
bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7f && c <= 0x9f); }

std::string one_line(std::string_view text) {
  std::string line;
  bool pending_space = false;
  for (std::size_t position = 0; position < text.size();) {
    const char32_t c = text::next_code_point(text, position);
    if (is_space(c)) {
      pending_space = !line.empty();
    } else if (!is_control(c)) {
      if (std::exchange(pending_space, false)) line += ' ';
      text::append_utf8(line, c);
    }
  }
  return line;
}

void escape_rating_mark(std::string& title) {
  for (auto at = title.find(kRatingMark); at != std::string::npos;
       at = title.find(kRatingMark, at + kEscapedRatingMark.size()))
    title.replace(at, kRatingMark.size(), kEscapedRatingMark);
}
}  // namespace

std::string clean_title(std::string_view raw, std::string_view year, bool keep_year) {
  std::string title = one_line(resolve_entities(text::replace_invalid_utf8(raw)));
  std::string year_text = take_year(title);
  move_article(title);
  if (title.empty()) return title;
  if (year_text.empty() && is_year(year)) year_text = " (" + std::string(year) + ")";
  if (keep_year) title += year_text;
  escape_rating_mark(title);
  return title;
}

}  // namespace recpo::data
