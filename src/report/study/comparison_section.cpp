#include <fmt/format.h>

#include <algorithm>

#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
using Pair = std::pair<const System*, const System*>;

// In the order in which they were compared.
std::vector<Pair> pairs_of(const std::vector<Comparison>& comparisons) {
  std::vector<Pair> pairs;
  for (const Comparison& comparison : comparisons) {
    const Pair pair(comparison.first->system, comparison.second->system);
    if (std::find(pairs.begin(), pairs.end(), pair) == pairs.end()) pairs.push_back(pair);
  }
  return pairs;
}

Cell cell_of(const Comparison& comparison) {
  const PairedTest& test = comparison.test;
  Cell cell{fmt::format("{:+.4f}", test.difference), {}, {}};
  if (comparison.significant()) cell.emphasis = Cell::Emphasis::kBest;
  if (comparison.low) cell.notes.push_back(fmt::format("[{:+.3f}, {:+.3f}]", *comparison.low, *comparison.high));
  cell.notes.push_back(fmt::format("{} won, {} lost", test.first_only, test.second_only));
  cell.notes.push_back(fmt::format("of {} rows", test.rows));
  cell.notes.push_back(fmt::format("p {}{}", comparison.adjusted < 1e-4 ? "" : "= ", p_text(comparison.adjusted)));
  return cell;
}

Cell find_cell(const std::vector<Comparison>& comparisons, const Pair& pair, const std::string& dataset) {
  for (const Comparison& comparison : comparisons)
    if (comparison.first->dataset == dataset && Pair(comparison.first->system, comparison.second->system) == pair)
      return cell_of(comparison);
  return missing_cell("-");
}

constexpr const char* kCaption =
    "Difference in HR@1 of systems at their base settings, on the rows that both answered (same data set, seed, row, "
    "user "
    "and item), also across run folders; bold where it is significant. In brackets its 95 % interval, from resampling "
    "users with all their rows. Won: only the first is right; lost: only the second. p is McNemar's exact test, the "
    "pairs "
    "of several seeds counted together, adjusted by Holm's method over all comparisons of this report ({} of them); "
    "significant is below 0.05.";
}  // namespace

void add_comparisons(const Study& study, const std::vector<Comparison>& comparisons, Document& document) {
  document.add(Heading{"Who beats whom"});
  if (comparisons.empty()) {
    document.add(
        Paragraph{"Nothing to compare in pairs: no two systems at base settings have predictions of the same rows."});
    return;
  }
  Table table{fmt::format(kCaption, comparisons.size()), {{"systems", "", true}}, {}, false};
  for (const std::string& dataset : study.datasets) table.columns.push_back({dataset, "", false});
  for (const Pair& pair : pairs_of(comparisons)) {
    std::vector<Cell> row = {{fmt::format("{} against {}", pair.first->label, pair.second->label), {}, {}}};
    for (const std::string& dataset : study.datasets) row.push_back(find_cell(comparisons, pair, dataset));
    table.rows.push_back(std::move(row));
  }
  document.add(std::move(table));
}

}  // namespace recpo::report
