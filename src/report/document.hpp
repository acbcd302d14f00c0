#pragma once
// A report as a list of blocks, written once and read as Markdown or as one HTML page that needs no network and no
// script. All texts are plain: what would be markup is escaped when it is written out.

#include <string>
#include <variant>
#include <vector>

namespace recpo::report {

struct Heading {  // of a section
  std::string text;
};
struct Paragraph {
  std::string text;
};
struct Bullets {
  std::vector<std::string> texts;
};

struct Cell {
  enum class Emphasis { kNone, kBest, kSecond, kMissing };
  std::string text;
  std::vector<std::string> notes;  // smaller, below
  Emphasis emphasis = Emphasis::kNone;
};
struct Column {
  std::string title;
  std::string group;     // equal neighbours share a heading above; empty: none
  bool is_text = false;  // to the left, not to the right
};
struct Table {
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  bool folded = false;  // the page shows its caption, and the rest when asked
};

struct Picture {
  std::string file;  // beside the page
  std::string svg;
  std::string caption;
};

using Block = std::variant<Heading, Paragraph, Bullets, Table, Picture>;

struct Document {
  std::string title;
  std::vector<Block> blocks;

  // Adds the block unless it has nothing to show (a picture without SVG, a table without rows, no bullets).
  void add(Block block);
};

std::string to_markdown(const Document& document);
std::string to_html(const Document& document);

// Texts in columns (the title first) as a Markdown table that is aligned for a terminal too; `is_text` columns to the
// left, the others to the right.
std::string aligned_table(const std::vector<std::vector<std::string>>& columns, const std::vector<bool>& is_text);

}  // namespace recpo::report
