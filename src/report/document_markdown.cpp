#include <fmt/format.h>

#include <algorithm>

#include "src/report/document.hpp"
#include "src/text/utf8.hpp"

namespace recpo::report {
namespace {
// One line, and no character that Markdown or HTML inside of it would act on.
std::string plain(const std::string& text) {
  const bool is_link = text.find("](") != std::string::npos;  // intervals in brackets are none, and stay readable
  std::string result;
  for (const char c : text::replace_invalid_utf8(text)) {
    if (c == '<') {
      result += "&lt;";
    } else if (c == '&') {
      result += "&amp;";
    } else if (c == '|' || c == '*' || c == '`' || c == '\\' || (c == '[' && is_link)) {
      result += '\\';
      result += c;
    } else {
      result += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    }
  }
  return result;
}

std::string cell_text(const Cell& cell) {
  std::string text = plain(cell.text);
  if (cell.emphasis == Cell::Emphasis::kBest) text = fmt::format("**{}**", text);
  if (cell.emphasis == Cell::Emphasis::kSecond) text = fmt::format("_{}_", text);
  for (const std::string& note : cell.notes) text += (text.empty() ? "" : "; ") + plain(note);
  return text;
}

std::size_t width_of(const std::string& text) {  // in characters
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, bool left) {
  const std::string space(width - std::min(width, width_of(text)), ' ');
  return left ? text + space : space + text;
}

struct MarkdownWriter {
  std::string operator()(const Heading& heading) const { return fmt::format("## {}\n", plain(heading.text)); }
  std::string operator()(const Paragraph& paragraph) const { return plain(paragraph.text) + "\n"; }
  std::string operator()(const Bullets& bullets) const {
    std::string text;
    for (const std::string& bullet : bullets.texts) text += fmt::format("- {}\n", plain(bullet));
    return text;
  }
  std::string operator()(const Table& table) const {
    std::vector<std::vector<std::string>> columns;
    std::vector<bool> is_text;
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      const Column& column = table.columns[c];
      columns.push_back({plain(column.group.empty() ? column.title : column.group + ": " + column.title)});
      is_text.push_back(column.is_text);
      for (const auto& row : table.rows) columns.back().push_back(cell_text(row[c]));
    }
    return plain(table.caption) + "\n\n" + aligned_table(columns, is_text);
  }
  std::string operator()(const Picture& picture) const {
    return fmt::format("![{}]({})\n\n{}\n", picture.file, picture.file, plain(picture.caption));
  }
};
}  // namespace

std::string aligned_table(const std::vector<std::vector<std::string>>& columns, const std::vector<bool>& is_text) {
  std::vector<std::size_t> widths;
  for (const auto& column : columns) {
    std::size_t width = 3;
    for (const std::string& text : column) width = std::max(width, width_of(text));
    widths.push_back(width);
  }
  std::string table;
  for (std::size_t row = 0; row < columns.front().size(); ++row) {
    for (std::size_t c = 0; c < columns.size(); ++c)
      table += fmt::format("| {} ", padded(columns[c][row], widths[c], is_text[c]));
    table += "|\n";
    for (std::size_t c = 0; row == 0 && c < columns.size(); ++c)
      table += is_text[c] ? fmt::format("|:{:-<{}}", "", widths[c] + 1) : fmt::format("|{:-<{}}:", "", widths[c] + 1);
    if (row == 0) table += "|\n";
  }
  return table;
}

std::string to_markdown(const Document& document) {
  std::string text = fmt::format("# {}\n", plain(document.title));
  for (const Block& block : document.blocks) text += "\n" + std::visit(MarkdownWriter{}, block);
  return text;
}

}  // namespace recpo::report
