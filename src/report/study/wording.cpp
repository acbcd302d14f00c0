#include "src/report/study/wording.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/report/study/pooling.hpp"

namespace recpo::report {

std::string decimals(const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : "-"; }

std::string interval_text(const Estimate& estimate) {
  if (!estimate.low || !estimate.high) return "";
  return fmt::format("[{:.3f}, {:.3f}]", *estimate.low, *estimate.high);
}

std::string percent(double share) { return fmt::format("{:.1f}\u00a0%", 100 * share); }

std::string p_text(double p) { return p < 1e-4 ? "< 0.0001" : fmt::format("{:.2g}", p); }

const Variant* find_value(const std::vector<const Variant*>& variants,
                          const std::vector<std::pair<std::string, std::string>>& values) {
  const auto has_values = [&](const Variant* variant) {
    return std::all_of(values.begin(), values.end(),
                       [&](const auto& value) { return text_of(variant->settings, value.first) == value.second; });
  };
  const auto found = std::find_if(variants.begin(), variants.end(), has_values);
  return found == variants.end() ? nullptr : *found;
}

Cell missing_cell(const std::string& text) { return {text, {}, Cell::Emphasis::kMissing}; }

Cell hit_rate_cell(const Variant* variant, const std::optional<double>& paper) {
  Cell cell = missing_cell();
  if (variant != nullptr && variant->pooled.main && variant->pooled.main->hit_rate.value) {
    const Estimate& estimate = variant->pooled.main->hit_rate;
    cell = {decimals(estimate.value), {}, Cell::Emphasis::kNone};
    if (estimate.low) cell.notes.push_back(interval_text(estimate));
    const std::vector<double> rates = hit_rates(variant->seeds, &SystemFigures::main);
    const auto [low, high] = std::minmax_element(rates.begin(), rates.end());
    if (rates.size() > 1) cell.notes.push_back(fmt::format("seeds {:.3f} - {:.3f}", *low, *high));
  }
  if (paper) cell.notes.push_back("paper " + decimals(paper));
  return cell;
}

void emphasize(const std::vector<Cell*>& cells, const std::vector<std::optional<double>>& values) {
  std::optional<double> best, second;
  for (const auto& value : values) {
    if (!value) continue;
    if (!best || *value > *best) {
      second = best, best = value;
    } else if (*value < *best && (!second || *value > *second)) {
      second = value;
    }
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (values[i] && values[i] == best) cells[i]->emphasis = Cell::Emphasis::kBest;
    if (values[i] && values[i] == second) cells[i]->emphasis = Cell::Emphasis::kSecond;
  }
}

Bar bar_of(const Variant* variant, std::optional<TestFigures> SystemFigures::*test, const std::string& label,
           const std::string& colour) {
  Bar bar{label, colour, {}, {}, {}};
  if (variant == nullptr || !(variant->pooled.*test)) return bar;
  bar.estimate = (*(variant->pooled.*test)).hit_rate;
  bar.seeds = hit_rates(variant->seeds, test);
  return bar;
}

}  // namespace recpo::report
