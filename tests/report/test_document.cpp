// A document as Markdown and as a page: well-formed, escaped, and with nothing from elsewhere.

#include <gtest/gtest.h>

#include "src/report/document.hpp"
#include "src/report/svg.hpp"
#include "tests/report/well_formed.hpp"

namespace recpo::report {
namespace {
const std::string kHostile = "a<script>alert('1')</script>\"&amp;\x01\x7F|**x**\xFF\xEF\xBF\xBF\nb";

Document hostile_document() {
  Svg svg(10, 10);
  svg.words(0, 0, kHostile);
  svg.label(0, 0, kHostile);
  Document document{kHostile, {}};
  document.add(Heading{kHostile});
  document.add(Bullets{{kHostile}});
  document.add(
      Table{kHostile, {{kHostile, kHostile, true}, {kHostile, "", false}}, {{{kHostile, {kHostile}, {}}, {}}}, true});
  document.add(Picture{"x.svg", svg.text(), kHostile});
  return document;
}

TEST(WellFormed, FindsFaults) {  // the checker itself
  EXPECT_EQ(xml_fault("<!DOCTYPE html>\n<a b=\"<\"/>").find("< inside"), 0u);
  EXPECT_EQ(xml_fault("<a><b></a></b>").find("</a> closes nothing"), 0u);
  EXPECT_EQ(xml_fault("<a>"), "<a> stays open");
  EXPECT_EQ(xml_fault("<a").find("a tag without end"), 0u);
  EXPECT_EQ(xml_fault("a & b").find("bare &"), 0u);
  EXPECT_EQ(xml_fault("a\x01").find("control"), 0u);
  EXPECT_EQ(xml_fault("<a x=\">\"><b/>&amp;</a>"), "");
}

TEST(Markup, EveryDangerousCharacter) {
  EXPECT_EQ(escape_markup("<a href=\"x\">'&'</a>\n\t"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;  ");
  EXPECT_EQ(escape_markup("\x01\x7F"), "\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(escape_markup("\xEF\xBF\xBE"), "\xEF\xBF\xBD");
  EXPECT_EQ(escape_markup("caf\xC3\xA9 \xFF"), "caf\xC3\xA9 \xEF\xBF\xBD");
}

TEST(Page, IsWellFormedWhateverTheTexts) {
  const std::string html = to_html(hostile_document());
  EXPECT_EQ(xml_fault(html), "");
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("&lt;script&gt;"), std::string::npos);
}

TEST(Page, NeedsNothingFromElsewhere) {
  std::string html = to_html(hostile_document());
  const std::string name_space = "xmlns=\"http://www.w3.org/2000/svg\"";  // a name, fetched by nobody
  for (auto at = html.find(name_space); at != std::string::npos; at = html.find(name_space))
    html.erase(at, name_space.size());
  for (const char* reference : {"http:", "https:", "src=", "<link", "url(", "@import"})
    EXPECT_EQ(html.find(reference), std::string::npos) << reference;
}

TEST(Page, HeadingsAreLinked) {
  Document document{"t", {}};
  document.add(Heading{"One"});
  document.add(Heading{"Two"});
  const std::string html = to_html(document);
  EXPECT_NE(html.find("<a href=\"#s2\">Two</a>"), std::string::npos);
  EXPECT_NE(html.find("<h2 id=\"s2\">Two</h2>"), std::string::npos);
}

TEST(Page, EmphasisAndMissingCells) {
  Document document{"t", {}};
  document.add(Table{"c",
                     {{"a", "", true}, {"b", "g", false}, {"c", "g", false}},
                     {{{"1", {"n"}, Cell::Emphasis::kBest},
                       {"2", {}, Cell::Emphasis::kSecond},
                       {"not run", {}, Cell::Emphasis::kMissing}}},
                     false});
  const std::string html = to_html(document);
  EXPECT_NE(html.find("<td class=\"text\"><b>1</b><small>n</small></td><td><u>2</u></td>"), std::string::npos) << html;
  EXPECT_NE(html.find("not run</td>"), std::string::npos);
  EXPECT_NE(html.find("<th class=\"group\" colspan=\"2\">g</th>"), std::string::npos);
  const std::string markdown = to_markdown(document);
  EXPECT_NE(markdown.find("| a        | g: b |    g: c |"), std::string::npos) << markdown;
  EXPECT_NE(markdown.find("| **1**; n |  _2_ | not run |"), std::string::npos) << markdown;
}

TEST(Markdown, TextsCannotBreakATable) {
  const std::string markdown = to_markdown(hostile_document());
  EXPECT_EQ(markdown.find("<script"), std::string::npos);
  EXPECT_EQ(markdown.find('\x01'), std::string::npos);
  EXPECT_NE(markdown.find("\\|\\*\\*x\\*\\*"), std::string::npos);
  for (std::size_t begin = 0; begin < markdown.size();) {  // a row has two cells
    const std::size_t end = markdown.find('\n', begin);
    const std::string line = markdown.substr(begin, end - begin);
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i) bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
    EXPECT_TRUE(!line.starts_with('|') || bars == 3) << line;
    begin = end + 1;
  }
}

TEST(Document, LeavesOutWhatShowsNothing) {
  Document document{"t", {}};
  document.add(Picture{"x.svg", "", "nothing to see"});
  document.add(Table{"c", {{"a", "", true}}, {}, false});
  document.add(Bullets{});
  EXPECT_TRUE(document.blocks.empty());
}

}  // namespace
}  // namespace recpo::report
