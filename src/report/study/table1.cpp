#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/report/paper.hpp"
#include "src/report/study/pooling.hpp"
#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
constexpr const char* kSelection =
    "Table 1. HR@1 and ValidRatio of every system at the base settings, beside the paper's. Base settings are the "
    "paper's where a run has them (full+rating, best-utility, 3 negatives, beta 1, lambda 2, alpha 0.5, ratio, "
    "pairwise, "
    "exact match); runs that vary one of them stand in the tables and figures below, not here. HR@1 and ValidRatio "
    "count all rows: an invalid answer is a miss. In brackets 95 % bootstrap intervals. Several seeds: the mean over "
    "all their rows, the interval from resampling users with all their rows (without predictions: the mean of the "
    "seeds' intervals), and the lowest and highest seed. Best in bold, runner-up underlined (in italics in Markdown); "
    "yardsticks, which are not recommenders of the paper, do not compete.";

// In the order of the paper's table.
std::vector<const System*> rows_of(const Study& study) {
  std::vector<const System*> rows;
  const auto was_run = [&](const System& system) {
    return std::any_of(study.datasets.begin(), study.datasets.end(),
                       [&](const std::string& d) { return study.base(d, system.name) != nullptr; });
  };
  for (const SystemKind kind : {SystemKind::kTraditional, SystemKind::kLanguageModel, SystemKind::kYardstick})
    for (const System& system : systems())
      if (system.kind == kind && (kind != SystemKind::kYardstick || was_run(system))) rows.push_back(&system);
  return rows;
}

const char* kind_name(SystemKind kind) {
  if (kind == SystemKind::kTraditional) return "traditional";
  return kind == SystemKind::kYardstick ? "yardstick" : "language model";
}

Cell valid_cell(const Variant* variant, const std::optional<PublishedFigures>& paper) {
  Cell cell = missing_cell("-");
  if (variant != nullptr && variant->pooled.main)
    cell = {decimals(variant->pooled.main->valid_ratio.value), {}, Cell::Emphasis::kNone};
  if (paper) cell.notes.push_back("paper " + decimals(paper->valid_ratio));
  return cell;
}

Cell elsewhere_cell(const Study& study, const std::string& dataset, const System& system) {
  for (const Variant& variant : study.variants)
    if (variant.system == &system && variant.dataset == dataset) return missing_cell("only at other settings");
  return missing_cell();
}

void add_dataset(const Study& study, const std::string& dataset, const std::vector<const System*>& rows, Table& table) {
  table.columns.push_back({"HR@1", dataset, false});
  table.columns.push_back({"ValidRatio", dataset, false});
  std::vector<std::optional<double>> values;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Variant* variant = study.base(dataset, rows[i]->name);
    const auto paper = published(*rows[i], dataset);
    Cell cell = hit_rate_cell(variant, paper ? std::optional(paper->hit_rate) : std::nullopt);
    if (variant == nullptr) cell.text = elsewhere_cell(study, dataset, *rows[i]).text;
    table.rows[i].push_back(std::move(cell));
    table.rows[i].push_back(valid_cell(variant, paper));
    const bool competes = rows[i]->kind != SystemKind::kYardstick;
    values.push_back(competes ? hit_rate_of(variant) : std::nullopt);
  }
  std::vector<Cell*> cells;
  for (auto& row : table.rows) cells.push_back(&row[row.size() - 2]);
  emphasize(cells, values);
}

std::string figure(const Study& study, const std::vector<const System*>& rows) {
  std::vector<BarPanel> panels;
  for (const std::string& dataset : study.datasets) {
    BarPanel panel{"HR@1, " + dataset, {}, {}};
    for (const System* system : rows) {
      const Variant* variant = study.base(dataset, system->name);
      const auto paper = published(*system, dataset);
      if (variant == nullptr && !paper) continue;
      panel.bars.push_back(bar_of(variant, &SystemFigures::main, system->label, system->colour));
      if (paper) panel.bars.back().paper = paper->hit_rate;
      if (variant != nullptr && variant->pooled.main && variant->pooled.main->chance)
        panel.chance = variant->pooled.main->chance;
    }
    panels.push_back(std::move(panel));
  }
  return bar_figure("HR@1 of all systems", panels);
}

std::string rows_sentence(const Study& study) {
  std::string text;
  for (const std::string& dataset : study.datasets) {
    for (const Variant& variant : study.variants) {
      if (variant.dataset != dataset || !variant.is_base || !variant.pooled.main) continue;
      text += fmt::format("{}{}: {} rows", text.empty() ? "" : "; ", dataset, variant.pooled.main->rows);
      const std::size_t seeds = hit_rates(variant.seeds, &SystemFigures::main).size();
      if (seeds > 1) text += fmt::format(" ({} seeds)", seeds);
      break;
    }
  }
  return text;
}
}  // namespace

void add_table1(const Study& study, Document& document) {
  const std::vector<const System*> rows = rows_of(study);
  Table table{kSelection, {{"system", "", true}}, {}, false};
  for (const System* system : rows) table.rows.push_back({{system->label, {kind_name(system->kind)}, {}}});
  for (const std::string& dataset : study.datasets) add_dataset(study, dataset, rows, table);
  document.add(Heading{"Table 1: all systems"});
  document.add(std::move(table));
  document.add(Picture{
      "table1.svg", figure(study, rows),
      fmt::format("HR@1 of Table 1 as bars. {} The dashed line is what a random candidate gives, diamonds, where "
                  "there are any, the paper's figures. Rows behind a bar: {}.",
                  kSigns, rows_sentence(study))});
}

}  // namespace recpo::report
