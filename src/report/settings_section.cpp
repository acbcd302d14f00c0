#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "src/report/sections.hpp"

namespace recpo::report {
namespace {
std::string difference_text(const Variant& variant) {
  if (variant.is_base) return "base settings";
  if (variant.changed.empty()) return "no other setting";
  std::vector<std::string> parts;
  for (const std::string& key : variant.changed)
    parts.push_back(fmt::format("{} = {}", key, text_of(variant.settings, key, "not there")));
  return fmt::format("{}", fmt::join(parts, "; "));
}

std::string runs_text(const Variant& variant) {
  std::vector<std::string> runs;
  for (const Result& result : variant.seeds)
    runs.push_back(result.seed.empty() ? result.run->name : fmt::format("{} (seed {})", result.run->name, result.seed));
  return fmt::format("{}", fmt::join(runs, ", "));
}

// Settings of the base variants that all systems which have them share, and those in which they differ.
void add_base_settings(const Study& study, const std::string& dataset, Document& document) {
  Table table{fmt::format("Base settings on {}: the value of each system that has the key.", dataset),
              {{"key", "", true}, {"value", "", true}, {"the paper's default", "", true}},
              {},
              true};
  std::map<std::string, std::vector<std::pair<std::string, std::vector<std::string>>>> values;  // key: value, systems
  for (const Variant* variant : study.bases(dataset))
    for (const auto& [key, setting] : variant->settings) {
      auto& of_key = values[key];
      auto known = std::ranges::find_if(of_key, [&](const auto& v) { return v.first == setting.text; });
      if (known == of_key.end()) known = of_key.insert(of_key.end(), {setting.text, {}});
      known->second.push_back(variant->system->label);
    }
  for (const auto& [key, of_key] : values)
    for (const auto& [value, names] : of_key) {
      Cell cell{value.empty() ? "\"\"" : value};
      if (of_key.size() > 1) cell.notes.push_back(fmt::format("{}", fmt::join(names, ", ")));
      const auto paper = study.paper.setting(key);
      table.rows.push_back({{key}, std::move(cell), {paper.value_or("")}});
    }
  document.add(std::move(table));
}
}  // namespace

void add_settings(const Study& study, Document& document) {
  if (study.variants.empty()) return;
  document.add(Heading{"Settings"});
  Table table{"Every system in every run folder, and what it has otherwise than its base variant.",
              {{"data set", "", true}, {"system", "", true}, {"settings", "", true}, {"run folders", "", true}},
              {},
              study.variants.size() > 40};
  for (const Variant& variant : study.variants)
    table.rows.push_back(
        {{variant.dataset}, {variant.system->label}, {difference_text(variant)}, {runs_text(variant)}});
  document.add(std::move(table));
  for (const std::string& dataset : study.datasets) add_base_settings(study, dataset, document);
  document.add(Bullets{study.remarks});
}

}  // namespace recpo::report
