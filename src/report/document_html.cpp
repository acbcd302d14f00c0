#include <fmt/format.h>

#include "src/report/document.hpp"
#include "src/report/markup.hpp"

namespace recpo::report {
namespace {
constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --text: #1b1b1b; --soft: #5f6368; --page: #ffffff; --line: #d5d8dc; --band: #f4f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6e6; --soft: #a4a9b0; --page: #17191c; --line: #3c4147; --band: #22262b; }
}
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 0.6rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
p, li { max-width: 46rem; overflow-wrap: anywhere; }
nav { color: var(--soft); font-size: 0.9rem; }
nav a { margin-right: 0.9rem; white-space: nowrap; }
a { color: inherit; }
.wide { overflow-x: auto; margin: 0 0 1.2rem; }
table { border-collapse: collapse; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
p.caption { color: var(--soft); margin: 1.2rem 0 0.4rem; font-size: 0.88rem; max-width: 52rem; }
th, td { padding: 0.28rem 0.55rem; text-align: right; vertical-align: top; }
th { border-bottom: 1px solid var(--soft); font-weight: 600; vertical-align: bottom; }
th.group { text-align: center; border-bottom: 1px solid var(--line); }
td { border-bottom: 1px solid var(--line); }
th.text, td.text { text-align: left; overflow-wrap: break-word; max-width: 26rem; }
td:first-child { white-space: nowrap; position: sticky; left: 0; background: inherit; }
tbody tr { background: var(--page); }
tbody tr:nth-child(even) { background: var(--band); }
td small { display: block; color: var(--soft); font-size: 0.86em; line-height: 1.35; white-space: nowrap; }
td.text small { white-space: normal; }
td:first-child small { white-space: nowrap; }
td.missing { color: var(--soft); font-style: italic; }
figure { margin: 1.4rem 0; }
figure svg { display: block; max-width: 100%; height: auto; background: #ffffff; border: 1px solid var(--line);
  border-radius: 4px; }
figcaption { color: var(--soft); font-size: 0.88rem; max-width: 52rem; margin-top: 0.5rem; }
summary { cursor: pointer; color: var(--soft); font-size: 0.88rem; }
@page { size: A4 landscape; margin: 12mm; }
@media print {
  :root { --text: #000000; --soft: #444444; --page: #ffffff; --line: #bbbbbb; --band: #ffffff; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  .wide { overflow: visible; }
  figure svg { max-height: 165mm; border: none; }
  table { font-size: 7.5pt; line-height: 1.3; }
  th, td { padding: 0.15rem 0.35rem; }
}
)";

std::string cell_html(const Cell& cell, bool is_text) {
  std::string text = escape_markup(cell.text);
  if (cell.emphasis == Cell::Emphasis::kBest) text = fmt::format("<b>{}</b>", text);
  if (cell.emphasis == Cell::Emphasis::kSecond) text = fmt::format("<u>{}</u>", text);
  for (const std::string& note : cell.notes) text += fmt::format("<small>{}</small>", escape_markup(note));
  const std::string kind =
      std::string(is_text ? "text" : "") + (cell.emphasis == Cell::Emphasis::kMissing ? " missing" : "");
  return fmt::format("<td{}>{}</td>", kind.empty() ? "" : fmt::format(" class=\"{}\"", kind), text);
}

std::string group_row(const std::vector<Column>& columns) {
  std::string row;
  bool any = false;
  for (std::size_t begin = 0; begin < columns.size();) {
    std::size_t end = begin + 1;
    while (end < columns.size() && columns[end].group == columns[begin].group) ++end;
    const std::string& group = columns[begin].group;
    any |= !group.empty();
    row += group.empty() ? fmt::format("<td colspan=\"{}\"></td>", end - begin)
                         : fmt::format("<th class=\"group\" colspan=\"{}\">{}</th>", end - begin, escape_markup(group));
    begin = end;
  }
  return any ? "<tr>" + row + "</tr>\n" : "";
}

std::string table_html(const Table& table, bool with_caption) {
  std::string html = with_caption ? "<p class=\"caption\">" + escape_markup(table.caption) + "</p>\n" : "";
  html += "<div class=\"wide\"><table>\n";
  html += "<thead>\n" + group_row(table.columns) + "<tr>";
  for (const Column& column : table.columns)
    html += fmt::format("<th{}>{}</th>", column.is_text ? " class=\"text\"" : "", escape_markup(column.title));
  html += "</tr>\n</thead>\n<tbody>\n";
  for (const auto& row : table.rows) {
    html += "<tr>";
    for (std::size_t c = 0; c < row.size(); ++c) html += cell_html(row[c], table.columns[c].is_text);
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table></div>\n";
}

struct HtmlWriter {
  int headings = 0;

  std::string operator()(const Heading& heading) {
    return fmt::format("<h2 id=\"s{}\">{}</h2>\n", ++headings, escape_markup(heading.text));
  }
  std::string operator()(const Paragraph& paragraph) const { return "<p>" + escape_markup(paragraph.text) + "</p>\n"; }
  std::string operator()(const Bullets& bullets) const {
    std::string html = "<ul>\n";
    for (const std::string& text : bullets.texts) html += "<li>" + escape_markup(text) + "</li>\n";
    return html + "</ul>\n";
  }
  std::string operator()(const Table& table) const {
    if (!table.folded) return table_html(table, true);
    return "<details><summary>" + escape_markup(table.caption) + "</summary>\n" + table_html(table, false) +
           "</details>\n";
  }
  std::string operator()(const Picture& picture) const {
    return "<figure>\n" + picture.svg + "<figcaption>" + escape_markup(picture.caption) + "</figcaption>\n</figure>\n";
  }
};

std::string navigation(const Document& document) {
  std::string links;
  int number = 0;
  for (const Block& block : document.blocks)
    if (const auto* heading = std::get_if<Heading>(&block))
      links += fmt::format("<a href=\"#s{}\">{}</a>\n", ++number, escape_markup(heading->text));
  return links.empty() ? "" : "<nav>\n" + links + "</nav>\n";
}
}  // namespace

std::string to_html(const Document& document) {
  const std::string title = escape_markup(document.title);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
      "content=\"width=device-width, "
      "initial-scale=1\"/>\n<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n"
      "<h1>{}</h1>\n",
      title, kStyle, title);
  html += navigation(document);
  HtmlWriter writer;
  for (const Block& block : document.blocks) html += std::visit(writer, block);
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace recpo::report
