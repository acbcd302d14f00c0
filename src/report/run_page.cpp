#include "src/report/run_page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/report/table.hpp"

namespace recpo::report {
namespace {
Table figures_table(const std::vector<SystemFigures>& figures, const std::string& dataset) {
  Table table{
      "HR@1 and ValidRatio count all rows: an invalid answer is a miss. In brackets 95 % bootstrap intervals of "
      "rows. \"Ranked\" figures come from the candidates' log-likelihoods.",
      {},
      std::vector<std::vector<Cell>>(figures.size()),
      false};
  for (const std::vector<std::string>& column : table_columns(figures, dataset)) {
    table.columns.push_back({column.front(), "", table.columns.empty()});
    for (std::size_t row = 0; row < figures.size(); ++row) table.rows[row].push_back({column[row + 1], {}, {}});
  }
  return table;
}

void add_counts(const std::string& caption, const NamedCounts& counts, Document& document) {
  Table table{caption, {{"", "", true}, {"number", "", false}}, {}, false};
  for (const auto& [name, count] : counts)
    if (count > 0) table.rows.push_back({{name, {}, {}}, {fmt::format("{}", count), {}, {}}});
  document.add(std::move(table));
}

void add_data(const Preparation& preparation, Document& document) {
  document.add(Heading{"Data"});
  const auto counts = [&](const char* when, const std::optional<DatasetCounts>& c) {
    if (c)
      document.add(Paragraph{
          fmt::format("{}: {} users, {} items, {} interactions.", when, c->users, c->items, c->interactions)});
  };
  counts("As imported", preparation.imported);
  counts("After the k-core filter", preparation.kept);
  if (preparation.bad_lines) document.add(Paragraph{fmt::format("Unreadable lines: {}.", *preparation.bad_lines)});
  add_counts("Rows of each split", preparation.rows, document);
  add_counts("What was left out, and why", preparation.dropped, document);
}

void add_settings(const RunFolder& run, Document& document) {
  Table table{"Settings, as each system was trained and evaluated", {{"key", "", true}}, {}, true};
  Settings all;
  for (const SystemFigures& system : run.systems) {
    table.columns.push_back({system.system->label, "", true});
    all.insert(system.settings.begin(), system.settings.end());
  }
  for (const auto& [key, setting] : all) {
    table.rows.push_back({{key, {}, {}}});
    for (const SystemFigures& system : run.systems)
      table.rows.back().push_back({text_of(system.settings, key), {}, {}});
  }
  if (table.rows.empty()) return;
  document.add(Heading{"Settings"});
  document.add(std::move(table));
}

std::string quality_caption(const RunFolder& run) {
  const auto any = [&](std::optional<TestFigures> SystemFigures::*figures) {
    return std::any_of(run.systems.begin(), run.systems.end(),
                       [&](const SystemFigures& system) { return (system.*figures).has_value(); });
  };
  std::string caption =
      "HR@1 and ValidRatio of every system, with 95 % bootstrap intervals of rows; the dashed line is what a random "
      "candidate gives, diamonds, where there are any, the paper's figures.";
  if (any(&SystemFigures::adherence))
    caption += " Adherence: share of rows in which, of two liked items, the nearer one is named.";
  if (any(&SystemFigures::avoidance))
    caption += " Avoidance: share of rows with a valid answer other than the disliked item.";
  return caption;
}
}  // namespace

Document run_document(const RunFolder& run, const std::string& dataset, const std::vector<std::string>& reading,
                      const RunPictures& pictures) {
  Document document{fmt::format("{} on {}", run.name, dataset), {}};
  document.add(Heading{"Recommendation quality"});
  document.add(Bullets{reading});
  document.add(figures_table(run.systems, dataset));
  document.add(Picture{"hr.svg", pictures.hit_rate, quality_caption(run)});
  document.add(Picture{"history.svg", pictures.history,
                       "HR@1 over the number of interactions before the question, with 95 % bootstrap intervals; lines "
                       "stand a little apart so that these can be told apart."});
  document.add(
      Picture{"training.svg", pictures.training,
              "Training, step by step; of long runs means of neighbouring steps. Reward margin and accuracy are "
              "those of alignment."});
  if (run.preparation) add_data(*run.preparation, document);
  add_settings(run, document);
  return document;
}

}  // namespace recpo::report
