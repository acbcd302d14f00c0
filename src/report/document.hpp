#pragma once
// A report as a list of blocks, written as Markdown or as one HTML page that needs no network and no script. All texts
// are plain: markup in them is escaped.

#include <string>
#include <variant>
#include <vector>

namespace recpo::report {

struct Heading {
  std::string text;
  bool is_part = false;  // of a part of the page, with sections of its own
};
struct Paragraph {
  std::string text;
};
struct Bullets {
  std::vector<std::string> texts;
};

// Questions with their answers in a sentence each: what a reader sees first.
struct Finding {
  enum class Tone { kOpen, kGood, kBad };
  std::string question, answer = {};
  Tone tone = Tone::kOpen;
};
struct Findings {
  std::string title;  // may be empty
  std::vector<Finding> findings;
};

struct Cell {
  enum class Emphasis { kNone, kBest, kSecond, kMissing, kRight };
  std::string text;
  std::vector<std::string> notes = {};  // smaller, below
  Emphasis emphasis = Emphasis::kNone;
};
struct Column {
  std::string title;
  std::string group = {};  // equal neighbours share a heading above; empty: none
  bool is_text = false;    // to the left, not to the right
};
struct Table {
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows = {};
  bool folded = false;  // the page shows its caption; a click shows the rest
};

struct Picture {
  std::string file;  // next to the page
  std::string svg;
  std::string caption;
};

using Block = std::variant<Heading, Paragraph, Bullets, Findings, Table, Picture>;

struct Document {
  std::string title = {};
  std::vector<Block> blocks = {};
  double refresh_seconds = 0;  // if > 0, the page loads itself again that often

  // Adds the block unless it has nothing to show (a picture without SVG, a table without rows, no bullets).
  void add(Block block);
};

std::string to_markdown(const Document& document);
std::string to_html(const Document& document);

}  // namespace recpo::report
