#include "src/report/sections.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace recpo::report {

std::string decimals(const std::optional<double>& value) { return value ? fmt::format("{:.4f}", *value) : "-"; }

Cell missing_cell(const std::string& text) { return {text, {}, Cell::Emphasis::kMissing}; }

std::optional<double> hit_rate_of(const Variant* variant) {
  return variant != nullptr ? variant->pooled.metric(kMain, kHitRate).value : std::nullopt;
}

Cell metric_cell(const Variant* variant, const std::string& test, const std::string& metric,
                 const std::optional<double>& paper) {
  Cell cell = missing_cell(variant == nullptr ? "not run" : "-");
  if (variant != nullptr && variant->pooled.metric(test, metric).value) {
    const Estimate& estimate = variant->pooled.metric(test, metric);
    cell = {decimals(estimate.value), {}, Cell::Emphasis::kNone};
    if (estimate.low && estimate.high)
      cell.notes.push_back(fmt::format("[{:.3f}, {:.3f}]", *estimate.low, *estimate.high));
    const std::vector<double> seeds = values_of_seeds(variant->seeds, test, metric);
    if (seeds.size() > 1 && metric == kHitRate) {
      const auto [low, high] = std::ranges::minmax(seeds);
      cell.notes.push_back(fmt::format("seeds {:.3f} - {:.3f}", low, high));
    }
  }
  if (paper) cell.notes.push_back("paper " + decimals(paper));
  return cell;
}

void emphasize(std::vector<Cell>& cells, const std::vector<std::optional<double>>& values) {
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
    if (values[i] && values[i] == best) cells[i].emphasis = Cell::Emphasis::kBest;
    if (values[i] && values[i] == second) cells[i].emphasis = Cell::Emphasis::kSecond;
  }
}

Bar bar_of(const Variant* variant, const std::string& test, const std::string& metric, const std::string& label,
           const std::string& colour) {
  Bar bar{label, colour};
  if (variant == nullptr) return bar;
  bar.estimate = variant->pooled.metric(test, metric);
  bar.seeds = values_of_seeds(variant->seeds, test, metric);
  return bar;
}

}  // namespace recpo::report
