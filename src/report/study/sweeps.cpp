#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "src/report/lines.hpp"
#include "src/report/study/pooling.hpp"
#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
using Sweep = std::vector<const Variant*>;  // one system on one data set

// Okabe and Ito's palette; more lines than these take it from the start.
constexpr std::array kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#333333"};

bool is_numeric(const Sweep& sweep, const std::string& key) {
  return std::all_of(sweep.begin(), sweep.end(),
                     [&](const Variant* v) { return v->settings.at(key).number.has_value(); });
}

std::vector<Sweep> sweeps_of(const Study& study, const std::string& key) {
  std::vector<Sweep> sweeps;
  for (const std::string& dataset : study.datasets)
    for (const System& system : systems()) {
      Sweep sweep = study.sweep(dataset, system.name, key);
      if (sweep.size() < 2) continue;
      if (is_numeric(sweep, key))
        std::sort(sweep.begin(), sweep.end(), [&](const Variant* a, const Variant* b) {
          return *a->settings.at(key).number < *b->settings.at(key).number;
        });
      sweeps.push_back(std::move(sweep));
    }
  return sweeps;
}

bool one_system(const std::vector<Sweep>& sweeps) {
  return std::all_of(sweeps.begin(), sweeps.end(),
                     [&](const Sweep& s) { return s[0]->system == sweeps[0][0]->system; });
}

std::string label_of(const Variant& variant, bool with_system) {
  return with_system ? fmt::format("{}, {}", variant.system->label, variant.dataset) : variant.dataset;
}

// Values over more than two powers of ten, as rates of learning have, stand equally far apart.
std::vector<double> places_of(const std::vector<Sweep>& sweeps, const std::string& key) {
  std::set<double> values;
  for (const Sweep& sweep : sweeps)
    for (const Variant* variant : sweep) values.insert(*variant->settings.at(key).number);
  const auto positive = values.upper_bound(0);
  const bool wide = positive != values.end() && *values.rbegin() > 30 * *positive;
  return wide ? std::vector<double>(values.begin(), values.end()) : std::vector<double>();
}

LinePanel panel_of(const std::vector<Sweep>& sweeps, const std::string& key, const std::string& title,
                   Estimate TestFigures::*estimate) {
  const std::vector<double> places = places_of(sweeps, key);
  LinePanel panel{title, key, {}, {}, {}};
  for (const double place : places) panel.places.push_back(fmt::format("{}", place));
  for (std::size_t i = 0; i < sweeps.size(); ++i) {
    Line line{label_of(*sweeps[i][0], !one_system(sweeps)), kColours[i % kColours.size()], {}};
    for (const Variant* variant : sweeps[i]) {
      if (!variant->pooled.main) continue;
      const double value = *variant->settings.at(key).number;
      const auto place = std::find(places.begin(), places.end(), value) - places.begin();
      LinePoint point{places.empty() ? value : static_cast<double>(place), (*variant->pooled.main).*estimate, {}};
      if (estimate == &TestFigures::hit_rate) point.seeds = hit_rates(variant->seeds, &SystemFigures::main);
      line.points.push_back(std::move(point));
    }
    panel.lines.push_back(std::move(line));
  }
  return panel;
}

// S-DPO, which recpo becomes at lambda 0.
void add_reference(const Study& study, const std::vector<Sweep>& sweeps, LinePanel& panel,
                   Estimate TestFigures::*estimate) {
  for (std::size_t i = 0; i < sweeps.size(); ++i) {
    const Variant* reference = study.base(sweeps[i][0]->dataset, "s-dpo");
    if (reference == nullptr || !reference->pooled.main || !((*reference->pooled.main).*estimate).value) continue;
    panel.levels.push_back(
        {"S-DPO, " + reference->dataset, kColours[i % kColours.size()], *((*reference->pooled.main).*estimate).value});
  }
}

Table table_of(const std::vector<Sweep>& sweeps, const std::string& key, const std::string& caption, bool folded) {
  Table table{
      caption,
      {{"data set", "", true}, {"system", "", true}, {key, "", false}, {"HR@1", "", false}, {"ValidRatio", "", false}},
      {},
      folded};
  for (const Sweep& sweep : sweeps)
    for (const Variant* variant : sweep) {
      Cell value{text_of(variant->settings, key), {}, {}};
      if (variant->is_base) value.notes.push_back("base");
      const std::optional<double> valid = variant->pooled.main ? variant->pooled.main->valid_ratio.value : std::nullopt;
      table.rows.push_back({{variant->dataset, {}, {}},
                            {variant->system->label, {}, {}},
                            std::move(value),
                            hit_rate_cell(variant, {}),
                            {decimals(valid), {}, {}}});
    }
  return table;
}

std::string figure_of(const std::string& title, const LinePanel& hit_rate, const LinePanel& valid_ratio) {
  return line_figure(title, {hit_rate, valid_ratio});
}

bool has_own_section(const std::string& key, const System& system) {
  return key == "align.lambda" || key == "align.margin" || key == "align.margin_form" ||
         (key == "data.tier" && system.name == std::string_view("sft"));
}

std::vector<std::string> other_keys(const Study& study) {
  std::set<std::string> keys;
  for (const Variant& variant : study.variants)
    if (!variant.is_base && variant.changed.size() == 1 && !has_own_section(variant.changed[0], *variant.system))
      keys.insert(variant.changed[0]);
  return {keys.begin(), keys.end()};
}
}  // namespace

void add_figure6(const Study& study, Document& document) {
  document.add(Heading{"Figure 6: the weight of the margin"});
  const std::string key = "align.lambda";
  std::vector<Sweep> sweeps = sweeps_of(study, key);
  std::erase_if(sweeps, [&](const Sweep& sweep) { return !is_numeric(sweep, key); });
  if (sweeps.empty()) {
    document.add(Paragraph{"Not run: no RecPO with a second align.lambda."});
    return;
  }
  LinePanel hit_rate = panel_of(sweeps, key, "(a) HR@1", &TestFigures::hit_rate);
  LinePanel valid_ratio = panel_of(sweeps, key, "(b) ValidRatio", &TestFigures::valid_ratio);
  add_reference(study, sweeps, hit_rate, &TestFigures::hit_rate);
  add_reference(study, sweeps, valid_ratio, &TestFigures::valid_ratio);
  document.add(
      Picture{"figure6.svg", figure_of("Figure 6: RecPO by lambda", hit_rate, valid_ratio),
              fmt::format("HR@1 and ValidRatio of RecPO over lambda, all else at the base settings. {} Dashed: "
                          "S-DPO, which RecPO is at lambda 0. The paper draws this figure for MovieLens and "
                          "Amazon-Books without its numbers; in its text, HR@1 rises with lambda, ever more slowly, "
                          "and ValidRatio falls when lambda is very large.",
                          kSigns)});
  document.add(table_of(sweeps, key, "Figure 6 in numbers.", true));
}

void add_sweeps(const Study& study, Document& document) {
  bool first = true;
  for (const std::string& key : other_keys(study)) {
    const std::vector<Sweep> sweeps = sweeps_of(study, key);
    if (sweeps.empty()) continue;
    if (std::exchange(first, false)) document.add(Heading{"Other settings, varied one at a time"});
    const bool numeric =
        std::all_of(sweeps.begin(), sweeps.end(), [&](const Sweep& sweep) { return is_numeric(sweep, key); });
    if (numeric)
      document.add(Picture{fmt::format("sweep-{}.svg", key),
                           figure_of("By " + key, panel_of(sweeps, key, "HR@1", &TestFigures::hit_rate),
                                     panel_of(sweeps, key, "ValidRatio", &TestFigures::valid_ratio)),
                           fmt::format("HR@1 and ValidRatio over {}, all else at the base settings. {}", key, kSigns)});
    document.add(table_of(sweeps, key, fmt::format("By {} in numbers.", key), numeric));
  }
}

}  // namespace recpo::report
