#include "src/report/document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/report/svg.hpp"
#include "src/text/utf8.hpp"

namespace recpo::report {
namespace {
bool is_empty(const Block& block) {
  if (const auto* bullets = std::get_if<Bullets>(&block)) return bullets->texts.empty();
  if (const auto* findings = std::get_if<Findings>(&block)) return findings->findings.empty();
  if (const auto* paragraph = std::get_if<Paragraph>(&block)) return paragraph->text.empty();
  if (const auto* table = std::get_if<Table>(&block)) return table->rows.empty();
  if (const auto* picture = std::get_if<Picture>(&block)) return picture->svg.empty();
  return false;
}

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
  if (cell.emphasis == Cell::Emphasis::kRight) text = fmt::format("**✓ {}**", text);
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

// Texts in columns (the title first), aligned for a terminal, too; `is_text` columns to the left, others to the right.
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

struct MarkdownWriter {
  std::string operator()(const Heading& heading) const {
    return fmt::format("{} {}\n", heading.is_part ? "#" : "##", plain(heading.text));
  }
  std::string operator()(const Paragraph& paragraph) const { return plain(paragraph.text) + "\n"; }
  std::string operator()(const Bullets& bullets) const {
    std::string text;
    for (const std::string& bullet : bullets.texts) text += fmt::format("- {}\n", plain(bullet));
    return text;
  }
  std::string operator()(const Findings& findings) const {
    std::string text = findings.title.empty() ? "" : fmt::format("{}\n\n", plain(findings.title));
    for (const Finding& finding : findings.findings)
      text += fmt::format("- **{}** {}\n", plain(finding.question), plain(finding.answer));
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

constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --text: #1b1b1b; --soft: #5f6368; --page: #ffffff; --line: #d5d8dc; --band: #f4f5f7;
  --good: #1a7f37; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e6e6; --soft: #a4a9b0; --page: #17191c; --line: #3c4147; --band: #22262b;
    --good: #57c472; --bad: #ff8a80; }
  figure svg { filter: invert(0.9) hue-rotate(180deg); }
}
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 0.6rem; padding-top: 0.6rem; border-top: 1px solid var(--line); }
h1.part { font-size: 1.5rem; margin: 3.5rem 0 0.6rem; padding-top: 0.8rem; border-top: 3px solid var(--text); }
p.note { font-style: italic; }
p, li { max-width: 46rem; overflow-wrap: anywhere; }
nav { color: var(--soft); font-size: 0.9rem; }
nav b a { text-decoration: none; }
nav a { margin-right: 0.9rem; white-space: nowrap; }
a { color: inherit; }
.wide { overflow-x: auto; margin: 0 0 1.2rem; }
table { border-collapse: collapse; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0.7rem; }
dl div { background: var(--band); border-left: 4px solid var(--soft); border-radius: 4px; padding: 0.6rem 0.9rem; }
dl div.good { border-color: var(--good); }
dl div.bad { border-color: var(--bad); }
dt { color: var(--soft); font-size: 0.88rem; }
dd { margin: 0.15rem 0 0; overflow-wrap: anywhere; }
b.right { color: var(--good); }
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
@media (max-width: 45rem) {
  figure { overflow-x: auto; }
  figure svg { max-width: none; }
  td.text:not(:first-child) { min-width: 9rem; }
}
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
  figure svg { max-height: 165mm; border: none; filter: none; }
  table { font-size: 7.5pt; line-height: 1.3; }
  th, td { padding: 0.15rem 0.35rem; }
}
)";

std::string cell_html(const Cell& cell, bool is_text) {
  std::string text = escape_markup(cell.text);
  if (cell.emphasis == Cell::Emphasis::kBest) text = fmt::format("<b>{}</b>", text);
  if (cell.emphasis == Cell::Emphasis::kSecond) text = fmt::format("<u>{}</u>", text);
  if (cell.emphasis == Cell::Emphasis::kRight) text = fmt::format("<b class=\"right\">✓ {}</b>", text);
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

// A sentence's percent signs stay with their numbers.
std::string sentence_html(const std::string& text) {
  std::string html = escape_markup(text);
  for (std::size_t at = 0; (at = html.find(" %", at)) != std::string::npos;)
    html.replace(at, 1, "\xC2\xA0");  // no-break space
  return html;
}

struct HtmlWriter {
  int headings = 0;

  std::string operator()(const Heading& heading) {
    return fmt::format("<h{0} id=\"s{1}\"{2}>{3}</h{0}>\n", heading.is_part ? 1 : 2, ++headings,
                       heading.is_part ? " class=\"part\"" : "", escape_markup(heading.text));
  }
  std::string operator()(const Paragraph& paragraph) const {
    return "<p class=\"note\">" + escape_markup(paragraph.text) + "</p>\n";
  }
  std::string operator()(const Bullets& bullets) const {
    std::string html = "<ul>\n";
    for (const std::string& text : bullets.texts) html += "<li>" + escape_markup(text) + "</li>\n";
    return html + "</ul>\n";
  }
  std::string operator()(const Findings& findings) const {
    constexpr const char* kTones[] = {"open", "good", "bad"};
    std::string html = findings.title.empty() ? "" : "<p class=\"caption\">" + escape_markup(findings.title) + "</p>\n";
    html += "<dl>\n";
    for (const auto& [question, answer, tone] : findings.findings)
      html += fmt::format("<div class=\"{}\"><dt>{}</dt><dd>{}</dd></div>\n", kTones[static_cast<std::size_t>(tone)],
                          escape_markup(question), sentence_html(answer));
    return html + "</dl>\n";
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

// Parts begin a line.
std::string navigation(const Document& document) {
  std::string links;
  int number = 0;
  for (const Block& block : document.blocks) {
    const auto* heading = std::get_if<Heading>(&block);
    if (heading == nullptr) continue;
    const std::string link = fmt::format("<a href=\"#s{}\">{}</a>", ++number, escape_markup(heading->text));
    links += heading->is_part ? fmt::format("{}<b>{}</b>\n", number > 1 ? "<br/>" : "", link) : link + "\n";
  }
  return links.empty() ? "" : "<nav>\n" + links + "</nav>\n";
}
}  // namespace

void Document::add(Block block) {
  if (!is_empty(block)) blocks.push_back(std::move(block));
}

std::string to_markdown(const Document& document) {
  std::string text = fmt::format("# {}\n", plain(document.title));
  for (const Block& block : document.blocks) {
    text += '\n';
    text += std::visit(MarkdownWriter{}, block);
  }
  return text;
}

std::string to_html(const Document& document) {
  const std::string title = escape_markup(document.title);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
      "content=\"width=device-width, "
      "initial-scale=1\"/>\n{}<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n"
      "<h1>{}</h1>\n",
      document.refresh_seconds > 0
          ? fmt::format("<meta http-equiv=\"refresh\" content=\"{:.0f}\"/>\n", std::max(1.0, document.refresh_seconds))
          : "",
      title, kStyle, title);
  html += navigation(document);
  HtmlWriter writer;
  for (const Block& block : document.blocks) html += std::visit(writer, block);
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace recpo::report
