#include <fmt/format.h>

#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
const char* verdict(const Comparison& comparison) {
  if (!comparison.significant()) return "no difference shown";
  return comparison.test.difference > 0 ? "better" : "worse";
}

std::vector<Cell> row_of(const Comparison& comparison) {
  const PairedTest& test = comparison.test;
  const std::string interval =
      comparison.low ? fmt::format("[{:+.4f}, {:+.4f}]", *comparison.low, *comparison.high) : std::string();
  std::vector<Cell> row = {
      {comparison.first->dataset, {}, {}},
      {fmt::format("{} against {}", comparison.first->system->label, comparison.second->system->label), {}, {}},
      {fmt::format("{:+.4f}", test.difference), {}, {}},
      {fmt::format("{}", test.rows), {}, {}},
      {fmt::format("{}", test.first_only), {}, {}},
      {fmt::format("{}", test.second_only), {}, {}},
      {p_text(test.p_value), {}, {}},
      {p_text(comparison.adjusted), {}, {}},
      {verdict(comparison), {}, {}}};
  if (!interval.empty()) row[2].notes.push_back(interval);
  if (comparison.seeds > 1) row[3].notes.push_back(fmt::format("{} seeds", comparison.seeds));
  if (comparison.significant()) row[8].emphasis = Cell::Emphasis::kBest;
  return row;
}
}  // namespace

void add_comparisons(const std::vector<Comparison>& comparisons, Document& document) {
  document.add(Heading{"Who beats whom"});
  if (comparisons.empty()) {
    document.add(
        Paragraph{"No two systems answered the same rows with predictions kept: nothing to compare in pairs."});
    return;
  }
  Table table{
      fmt::format("Systems at their base settings, compared on the rows that both answered (same data set, seed, "
                  "row, user and item). Won: only the first is right; lost: only the second. p is McNemar's exact "
                  "test, with the pairs of several seeds counted together; adjusted by Holm's method for the {} "
                  "comparisons of this report; the verdict is taken at 0.05. In brackets the 95 % interval of the "
                  "difference, from resampling users with all their rows.",
                  comparisons.size()),
      {{"data set", "", true},
       {"systems", "", true},
       {"difference in HR@1", "", false},
       {"rows", "", false},
       {"won", "", false},
       {"lost", "", false},
       {"p", "", false},
       {"adjusted p", "", false},
       {"the first is", "", true}},
      {},
      false};
  for (const Comparison& comparison : comparisons) table.rows.push_back(row_of(comparison));
  document.add(std::move(table));
}

}  // namespace recpo::report
