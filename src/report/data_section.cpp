#include <fmt/format.h>

#include <algorithm>

#include "src/report/sections.hpp"

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
      const auto known = std::ranges::find_if(sources, [&](const Source& s) {
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

std::string counts_text(const NamedCounts& counts) {
  std::string text;
  for (const auto& [name, count] : counts)
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : "; ", name, count);
  return text.empty() ? "none" : text;
}

void add_counts(const std::optional<DatasetCounts>& counts, const Published& paper, const std::string& dataset,
                std::vector<Cell>& row) {
  const DatasetCounts known = counts.value_or(DatasetCounts{});
  for (const auto& [count, name] :
       {std::pair(known.users, "sequences"), std::pair(known.items, "items"), std::pair(known.interactions, ""),
        std::pair(known.interactions - known.users, "interactions")}) {
    row.push_back(counts ? Cell{fmt::format("{}", count)} : missing_cell("-"));
    if (const auto number = find_number(paper.statistics, dataset, name))
      row.back().notes.push_back(fmt::format("paper {:.0f}", *number));
  }
}

Table table_of(const std::vector<Source>& sources, const Published& paper) {
  Table table{
      "Table 3. Data sets as imported and after the k-core filter, rows by split, and what was left out and why. "
      "Seeds draw different rows, so a data set may stand here more than once.",
      {{"data set", "", true}, {"run folders", "", false}}};
  for (const char* when : {"as imported", "after the filter"})
    for (const char* count : {"sequences", "items", "interactions", "but the first of each user"})
      table.columns.push_back({count, when});
  for (const char* name : {"rows", "bad lines", "dropped"}) table.columns.push_back({name, "", true});
  for (const Source& source : sources) {
    std::vector<Cell> row = {{source.dataset}, {fmt::format("{}", source.runs)}};
    add_counts(source.preparation->imported, Published{}, source.dataset, row);
    add_counts(source.preparation->kept, paper, source.dataset, row);
    const auto bad_lines = source.preparation->bad_lines;
    for (const std::string& text :
         {counts_text(source.preparation->rows), bad_lines ? fmt::format("{}", *bad_lines) : std::string("-"),
          counts_text(source.preparation->dropped)})
      row.push_back({text});
    table.rows.push_back(std::move(row));
  }
  return table;
}
}  // namespace

void add_data(const Study& study, Document& document) {
  const std::vector<Source> sources = sources_of(study);
  if (!sources.empty()) document.add(Heading{"Table 3: the data"});
  document.add(table_of(sources, study.paper));
}

}  // namespace recpo::report
