#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/report/figures.hpp"
#include "src/report/sections.hpp"
#include "src/report/systems.hpp"

namespace recpo::report {
namespace {
// One system on one data set over the values of a key, all else equal.
struct Row {
  const System* system;
  std::string dataset;
  std::string otherwise;  // "align.margin_form = printed-eq8" on top of the base settings; empty: nothing
  std::vector<const Variant*> variants;

  const Variant* with(const std::string& key, const std::string& value) const {
    const auto found =
        std::ranges::find_if(variants, [&](const Variant* v) { return text_of(v->settings, key) == value; });
    return found == variants.end() ? nullptr : *found;
  }
};

// What a variant changes besides `key`; nullopt when that is more than one key, so that none can be told to matter.
std::optional<std::string> otherwise(const Variant& variant, const std::string& key) {
  std::string text;
  for (const std::string& changed : variant.changed) {
    if (changed == key) continue;
    if (!text.empty()) return std::nullopt;
    text = fmt::format("{} = {}", changed, text_of(variant.settings, changed, "not there"));
  }
  return text;
}

std::vector<Row> rows_of(const Study& study, const std::string& key) {
  std::vector<Row> rows;
  for (const Variant& variant : study.variants) {
    const auto other = otherwise(variant, key);
    if (!other || !variant.settings.contains(key)) continue;
    auto row = std::ranges::find_if(rows, [&](const Row& r) {
      return r.system == variant.system && r.dataset == variant.dataset && r.otherwise == *other;
    });
    if (row == rows.end()) row = rows.insert(rows.end(), {variant.system, variant.dataset, *other, {}});
    row->variants.push_back(&variant);
  }
  std::erase_if(rows, [](const Row& row) { return row.variants.size() < 2; });
  return rows;
}

struct SweptValue {
  std::string text;
  std::optional<double> number;
};

// Those of the paper first; numbers rising.
std::vector<SweptValue> values_of(const std::vector<Row>& rows, const std::string& key, const Published::Sweep& paper) {
  std::vector<SweptValue> values;
  for (const std::string& text : paper.values) values.push_back({text, {}});
  for (const Row& row : rows)
    for (const Variant* variant : row.variants) {
      const Setting& setting = variant->settings.at(key);
      if (std::ranges::find(values, setting.text, &SweptValue::text) == values.end())
        values.push_back({setting.text, setting.number});
    }
  if (std::ranges::all_of(values, [](const SweptValue& v) { return v.number.has_value(); }))
    std::ranges::sort(values, {}, [](const SweptValue& v) { return *v.number; });
  return values;
}

std::optional<double> paper_rate(const Published::Sweep& paper, const Row& row, const std::string& value) {
  const bool is_its_own = row.system->name == paper.system && row.otherwise.empty();
  return is_its_own ? find_number(paper.hit_rates, row.dataset, value) : std::nullopt;
}

Cell cell_of(const Variant* variant, const std::optional<double>& paper) {
  Cell cell = metric_cell(variant, kMain, kHitRate, paper);
  if (variant == nullptr) return cell;
  cell.notes.push_back("valid " + decimals(variant->pooled.metric(kMain, kValidRatio).value));
  if (variant->is_base) cell.notes.push_back("base");
  return cell;
}

Table table_of(const std::vector<Row>& rows, const std::vector<SweptValue>& values, const Published::Sweep& paper) {
  Table table{fmt::format("HR@1 and ValidRatio by {}, all else at the base settings. {}", paper.key, paper.note),
              {{"data set", "", true}, {"system", "", true}}};
  const bool with_other = std::ranges::any_of(rows, [](const Row& row) { return !row.otherwise.empty(); });
  if (with_other) table.columns.push_back({"otherwise", "", true});
  for (const SweptValue& value : values) table.columns.push_back({value.text, paper.key});
  for (const Row& row : rows) {
    std::vector<Cell> cells = {{row.dataset}, {row.system->label}};
    if (with_other) cells.push_back({row.otherwise});
    std::vector<std::optional<double>> rates(cells.size());
    for (const SweptValue& value : values) {
      const Variant* variant = row.with(paper.key, value.text);
      cells.push_back(cell_of(variant, paper_rate(paper, row, value.text)));
      rates.push_back(hit_rate_of(variant));
    }
    emphasize(cells, rates);
    table.rows.push_back(std::move(cells));
  }
  return table;
}

std::string label_of(const Row& row, const std::vector<Row>& rows) {
  const bool one_system = std::ranges::all_of(rows, [&](const Row& r) { return r.system == rows[0].system; });
  const bool one_dataset = std::ranges::all_of(rows, [&](const Row& r) { return r.dataset == rows[0].dataset; });
  std::string label = one_system && !one_dataset ? row.dataset : row.system->label;
  if (!one_system && !one_dataset) label += ", " + row.dataset;
  return row.otherwise.empty() ? label : label + ", " + row.otherwise;
}

// Numbers over more than two powers of ten, as learning rates have, stand equally far apart.
bool is_wide(const std::vector<SweptValue>& values) {
  const auto positive = std::ranges::find_if(values, [](const SweptValue& v) { return *v.number > 0; });
  return positive != values.end() && *values.back().number > 30 * *positive->number;
}

LinePanel lines_of(const Study& study, const std::vector<Row>& rows, const std::vector<SweptValue>& values,
                   const Published::Sweep& paper, const char* metric) {
  LinePanel panel{describe_metric(metric).label, paper.key};
  if (is_wide(values))
    for (const SweptValue& value : values) panel.places.push_back(value.text);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Line line{label_of(rows[i], rows), palette_colour(i)};
    for (std::size_t v = 0; v < values.size(); ++v) {
      const Bar bar = bar_of(rows[i].with(paper.key, values[v].text), kMain, metric, "", "");
      if (bar.estimate.value)
        line.points.push_back(
            {panel.places.empty() ? *values[v].number : static_cast<double>(v), bar.estimate, bar.seeds});
    }
    panel.lines.push_back(std::move(line));
    const Variant* level = study.base(rows[i].dataset, paper.level);
    if (level != nullptr && level->pooled.metric(kMain, metric).value)
      panel.levels.push_back({level->system->label + ", " + rows[i].dataset, palette_colour(i),
                              *level->pooled.metric(kMain, metric).value});
  }
  return panel;
}

BarPanel bars_of(const Row& row, const std::vector<Row>& rows, const std::vector<SweptValue>& values,
                 const Published::Sweep& paper) {
  BarPanel panel{"HR@1, " + row.dataset + ", " + label_of(row, rows)};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Variant* variant = row.with(paper.key, values[i].text);
    std::string label = values[i].text;
    if (const std::size_t plus = label.find('+'); plus != std::string::npos) label.insert(plus, "\n");
    panel.bars.push_back(bar_of(variant, kMain, kHitRate, label, palette_colour(i)));
    panel.bars.back().paper = paper_rate(paper, row, values[i].text);
    if (variant != nullptr)
      if (const auto& chance = variant->pooled.metric(kMain, kChance).value) panel.chance = chance;
  }
  return panel;
}

std::string figure_of(const Study& study, const std::vector<Row>& rows, const std::vector<SweptValue>& values,
                      const Published::Sweep& paper) {
  if (std::ranges::all_of(values, [](const SweptValue& v) { return v.number.has_value(); }))
    return line_figure(paper.title, {lines_of(study, rows, values, paper, kHitRate),
                                     lines_of(study, rows, values, paper, kValidRatio)});
  std::vector<BarPanel> panels;
  for (const Row& row : rows) panels.push_back(bars_of(row, rows, values, paper));
  return bar_figure(paper.title, panels);
}

// "figure2.svg" of "Figure 2: input tiers".
std::string picture_of(const Published::Sweep& paper) {
  if (paper.source.empty()) return fmt::format("sweep-{}.svg", paper.key);
  std::string name;
  for (const char c : paper.title.substr(0, paper.title.find(':')))
    if (c != ' ') name += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return name + ".svg";
}

void add_sweep(const Study& study, const Published::Sweep& paper, Document& document) {
  const std::vector<Row> rows = rows_of(study, paper.key);
  if (rows.empty()) return;
  const std::vector<SweptValue> values = values_of(rows, paper.key, paper);
  document.add(Heading{paper.title});
  document.add(table_of(rows, values, paper));
  document.add(
      Picture{picture_of(paper), figure_of(study, rows, values, paper), fmt::format("{}. {}", paper.title, kSigns)});
}
}  // namespace

void add_sweeps(const Study& study, Document& document) {
  std::set<std::string> others;
  for (const Variant& variant : study.variants) others.insert(variant.changed.begin(), variant.changed.end());
  for (const Published::Sweep& paper : study.paper.sweeps) {
    others.erase(paper.key);
    add_sweep(study, paper, document);
  }
  for (const std::string& key : others) add_sweep(study, {"", "By " + key, key}, document);
}

}  // namespace recpo::report
