#include <fmt/format.h>

#include <set>

#include "src/report/report.hpp"
#include "src/report/study/sections.hpp"
#include "src/report/study/study_tables.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::report {
namespace {
namespace fs = std::filesystem;

Document study_document(const Study& study, const std::vector<Comparison>& comparisons, const std::string& title) {
  Document document{title, {}};
  add_summary(study, comparisons, document);
  add_table1(study, document);
  add_comparisons(study, comparisons, document);
  add_table2(study, document);
  add_figure2(study, document);
  add_figure4(study, document);
  add_figure6(study, document);
  add_sweeps(study, document);
  add_data(study, document);
  add_missing(study, document);
  add_settings(study, document);
  return document;
}

bool is_picture_of_a_study(const std::string& name) {
  return name.ends_with(".svg") && (name == "table1.svg" || name.starts_with("figure") || name.starts_with("sweep-"));
}

// A picture of runs that are gone must not stay beside new tables.
void write_pictures(const Document& document, const fs::path& output) {
  std::set<std::string> written;
  for (const Block& block : document.blocks)
    if (const auto* picture = std::get_if<Picture>(&block)) {
      write_file(output / picture->file, picture->svg);
      written.insert(picture->file);
    }
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(output, ignored)) {
    const std::string name = entry.path().filename().string();
    if (is_picture_of_a_study(name) && !written.contains(name)) fs::remove(entry.path(), ignored);
  }
}

// The summary, and Table 1 without its notes, for a terminal.
std::string opening(const Document& document) {
  Document opening{document.title, {}};
  for (const Block& block : document.blocks) {
    opening.blocks.push_back(block);
    auto* table = std::get_if<Table>(&opening.blocks.back());
    if (table == nullptr) continue;
    table->caption = "HR@1 and ValidRatio at the base settings. The page says more.";
    for (auto& row : table->rows)
      for (Cell& cell : row) cell.notes.clear();
    break;
  }
  return to_markdown(opening);
}
}  // namespace

std::string write_study(const std::vector<fs::path>& run_folders, const fs::path& output, const std::string& title) {
  const Study study = read_study(run_folders);
  const std::vector<Comparison> comparisons = compare_systems(study);
  const Document document = study_document(study, comparisons, title);
  create_folders(output);
  write_pictures(document, output);
  write_file(output / "results.csv", results_csv(study));
  write_file(output / "comparisons.csv", comparisons_csv(comparisons));
  write_file(output / "datasets.csv", datasets_csv(study));
  write_file(output / "report.md", to_markdown(document));
  write_file(output / "index.html", to_html(document));
  return opening(document);
}

}  // namespace recpo::report
