#include <fmt/format.h>

#include <algorithm>

#include "src/report/paper.hpp"
#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
// A data set as some runs prepared it.
struct Source {
  std::string dataset;
  const Preparation* preparation;
  std::size_t runs;
};

bool same_data(const Preparation& a, const Preparation& b) {
  return a.imported == b.imported && a.kept == b.kept && a.rows == b.rows && a.dropped == b.dropped;
}

std::vector<Source> sources_of(const Study& study) {
  std::vector<Source> sources;
  for (const std::string& dataset : study.datasets) {
    for (const RunFolder& run : study.runs) {
      if (!run.preparation || run.systems.empty() || dataset_of(run, run.systems.front()) != dataset) continue;
      const auto known = std::find_if(sources.begin(), sources.end(), [&](const Source& s) {
        return s.dataset == dataset && same_data(*s.preparation, *run.preparation);
      });
      if (known == sources.end()) {
        sources.push_back({dataset, &*run.preparation, 1});
      } else {
        ++known->runs;
      }
    }
  }
  return sources;
}

Cell count_cell(std::int64_t value) { return {fmt::format("{}", value), {}, Cell::Emphasis::kNone}; }

std::vector<Cell> statistics_row(const std::string& dataset, const std::string& when, const DatasetCounts& counts) {
  std::vector<Cell> row = {{dataset, {}, {}},
                           {when, {}, {}},
                           count_cell(counts.users),
                           count_cell(counts.items),
                           count_cell(counts.interactions),
                           count_cell(counts.interactions - counts.users)};
  const auto paper = published_statistics(dataset);
  if (!paper) return row;
  row[2].notes.push_back(fmt::format("paper {}", paper->sequences));
  row[3].notes.push_back(fmt::format("paper {}", paper->items));
  row[5].notes.push_back(fmt::format("paper {}", paper->interactions));
  return row;
}

void add_statistics(const std::vector<Source>& sources, Document& document) {
  Table table{
      "Table 3. Data sets as these runs read them, and after the k-core filter, beside the paper's. The paper's number "
      "of "
      "interactions on MovieLens-1M, 994,169, is that of all interactions but each user's first, so its numbers stand "
      "in that column.",
      {{"data set", "", true},
       {"", "", true},
       {"sequences", "", false},
       {"items", "", false},
       {"interactions", "", false},
       {"but the first of each user", "", false}},
      {},
      false};
  std::vector<std::tuple<std::string, std::string, DatasetCounts>> seen;
  const auto add = [&](const std::string& dataset, const std::string& when,
                       const std::optional<DatasetCounts>& counts) {
    if (!counts || std::find(seen.begin(), seen.end(), std::tuple(dataset, when, *counts)) != seen.end()) return;
    seen.emplace_back(dataset, when, *counts);
    table.rows.push_back(statistics_row(dataset, when, *counts));
  };
  for (const Source& source : sources) {
    add(source.dataset, "as imported", source.preparation->imported);
    add(source.dataset, "after the filter", source.preparation->kept);
  }
  if (table.rows.empty())
    document.add(Paragraph{"Table 3: no prepare.json with counts stands beside these evaluations."});
  document.add(std::move(table));
}

std::string counts_text(const NamedCounts& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : "; ", name, count);
  return text.empty() ? "none" : text;
}

void add_rows(const std::vector<Source>& sources, Document& document) {
  Table table{
      "Rows by split, and what was left out and why. Nothing is dropped without being counted; seeds draw different "
      "rows, so a data set may stand here more than once.",
      {{"data set", "", true},
       {"run folders", "", false},
       {"rows", "", true},
       {"bad lines", "", false},
       {"dropped", "", true}},
      {},
      true};
  for (const Source& source : sources) {
    const auto bad_lines = source.preparation->bad_lines;
    table.rows.push_back({{source.dataset, {}, {}},
                          {fmt::format("{}", source.runs), {}, {}},
                          {counts_text(source.preparation->rows), {}, {}},
                          {bad_lines ? fmt::format("{}", *bad_lines) : "-", {}, {}},
                          {counts_text(source.preparation->dropped), {}, {}}});
  }
  document.add(std::move(table));
}
}  // namespace

void add_data(const Study& study, Document& document) {
  document.add(Heading{"Table 3: the data"});
  const std::vector<Source> sources = sources_of(study);
  add_statistics(sources, document);
  add_rows(sources, document);
}

}  // namespace recpo::report
