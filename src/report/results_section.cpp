#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/report/sections.hpp"
#include "src/report/systems.hpp"

namespace recpo::report {
namespace {
struct Measure {
  std::string test, metric, title;

  std::optional<double> paper(const Study& study, const std::string& dataset, const System& system) const {
    return study.paper.metric(dataset, system.name, test == kMain ? metric : test + "_" + metric);
  }
};

using MetricsOfTest = std::map<std::string, std::set<std::string>>;

MetricsOfTest metrics_of(const Study& study, const std::string& dataset) {
  MetricsOfTest names;
  for (const Variant* variant : study.bases(dataset))
    for (const TestMetrics& test : variant->pooled.tests)
      for (const auto& [metric, estimate] : test.metrics)
        if (test.bucket.empty() && estimate.value) names[test.test].insert(metric);
  return names;
}

// All metrics of the main test that tables have room for; of other tests HR@1 alone, or all of a test that has none.
std::vector<Measure> measures_of(const Study& study, const std::string& dataset) {
  MetricsOfTest names = metrics_of(study, dataset);
  std::set<std::string>& of_main = names[kMain];
  of_main.insert(kHitRate);
  std::vector<Measure> measures;
  for (const MetricView& metric : registered_metrics())
    if (of_main.erase(metric.name) > 0 && metric.in_tables) measures.push_back({kMain, metric.name, metric.label});
  for (const std::string& metric : of_main) measures.push_back({kMain, metric, metric});
  for (const auto& [test, metrics] : names) {
    if (test == kMain) continue;
    if (metrics.contains(kHitRate)) {
      measures.push_back({test, kHitRate, test});
    } else {
      for (const std::string& metric : metrics)
        measures.push_back({test, metric, test + " " + describe_metric(metric).label});
    }
  }
  return measures;
}

bool was_run(const Study& study, const std::string& dataset, const System& system) {
  return std::ranges::any_of(study.variants,
                             [&](const Variant& v) { return v.system == &system && v.dataset == dataset; });
}

bool has_row(const Study& study, const std::string& dataset, const System& system) {
  return was_run(study, dataset, system) || study.paper.metric(dataset, system.name, kHitRate);
}

std::vector<Cell> row_of(const Study& study, const std::string& dataset, const System& system,
                         const std::vector<Measure>& measures) {
  const Variant* variant = study.base(dataset, system.name);
  std::vector<Cell> row = {{system.label}};
  if (system.label != system.name) row[0].notes.push_back(system.name);
  for (const Measure& measure : measures) {
    row.push_back(metric_cell(variant, measure.test, measure.metric, measure.paper(study, dataset, system)));
    if (variant == nullptr && row.size() > 2) row.back().text = "-";
    if (variant == nullptr && row.size() == 2 && was_run(study, dataset, system))
      row.back().text = "only at other settings";
  }
  const TestMetrics* main = variant == nullptr ? nullptr : variant->pooled.test(kMain);
  row.push_back(main == nullptr ? missing_cell("-") : Cell{fmt::format("{}", main->rows)});
  return row;
}

// What naming a random candidate gives.
std::vector<Cell> chance_row(const Study& study, const std::string& dataset, const std::vector<Measure>& measures) {
  std::vector<Cell> row = {{"random candidate"}};
  for (const Measure& measure : measures) {
    std::optional<double> chance;
    for (const Variant* variant : study.bases(dataset))
      if (measure.metric == kHitRate && !chance) chance = variant->pooled.metric(measure.test, kChance).value;
    row.push_back(chance ? Cell{decimals(chance)} : missing_cell("-"));
  }
  row.push_back(missing_cell("-"));
  return row;
}

Table table_of(const Study& study, const std::string& dataset) {
  const std::vector<Measure> measures = measures_of(study, dataset);
  Table table{fmt::format("Table 1, {}. HR@1 and ValidRatio count all rows: an invalid answer is a miss. In brackets "
                          "95 % bootstrap intervals.",
                          dataset),
              {{"system", "", true}}};
  for (const Measure& measure : measures) table.columns.push_back({measure.title});
  table.columns.push_back({"rows"});
  std::vector<std::optional<double>> values;
  for (const System& system : study.systems) {
    if (!has_row(study, dataset, system)) continue;
    table.rows.push_back(row_of(study, dataset, system, measures));
    const bool competes = !is_reference_point(system.role);
    values.push_back(competes ? hit_rate_of(study.base(dataset, system.name)) : std::nullopt);
  }
  std::vector<Cell> column;
  for (auto& row : table.rows) column.push_back(row[1]);
  emphasize(column, values);
  for (std::size_t i = 0; i < column.size(); ++i) table.rows[i][1] = column[i];
  std::vector<Cell> chance = chance_row(study, dataset, measures);
  if (chance[1].text != "-") table.rows.push_back(std::move(chance));
  return table;
}

bool is_ranked(const Study& study, const std::string& dataset) {
  return std::ranges::any_of(
      study.bases(dataset), [](const Variant* v) { return v->pooled.metric(kMain, kRankedHitRate).value.has_value(); });
}

BarPanel panel_of(const Study& study, const std::string& dataset, const std::string& metric) {
  BarPanel panel{fmt::format("{}, {}", describe_metric(metric).label, dataset)};
  for (const System& system : study.systems) {
    if (!has_row(study, dataset, system)) continue;
    const Variant* variant = study.base(dataset, system.name);
    panel.bars.push_back(bar_of(variant, kMain, metric, system.label, system.colour));
    panel.bars.back().paper = study.paper.metric(dataset, system.name, metric);
    if (variant != nullptr && metric != kValidRatio)
      if (const auto& chance = variant->pooled.metric(kMain, kChance).value) panel.chance = chance;
  }
  return panel;
}
}  // namespace

void add_results(const Study& study, Document& document) {
  if (study.variants.empty()) return;
  document.add(Heading{"Table 1: all systems"});
  for (const std::string& dataset : study.datasets) document.add(table_of(study, dataset));
  std::vector<BarPanel> panels;
  for (const char* metric : {kRankedHitRate, kHitRate, kValidRatio})
    for (const std::string& dataset : study.datasets)
      if (metric != kRankedHitRate || is_ranked(study, dataset)) panels.push_back(panel_of(study, dataset, metric));
  document.add(Picture{study.is_single_run() ? "hr.svg" : "table1.svg", bar_figure("All systems", panels),
                       fmt::format("{} Dashed: a random candidate. Diamonds: the paper.", kSigns)});
}

}  // namespace recpo::report
