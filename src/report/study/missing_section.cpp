#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "src/report/paper.hpp"
#include "src/report/study/sections.hpp"
#include "src/report/study/wording.hpp"

namespace recpo::report {
namespace {
// How the program makes a system's figures, as far as that does not depend on the deck.
std::string remedy(const System& system) {
  const std::string name = system.name;
  if (system.kind == SystemKind::kTraditional) return "recpo baseline with baseline.model=" + name;
  if (name == "base") return "stage evaluate-base";
  if (name == "sft") return "stages sft and evaluate-sft";
  return fmt::format("stages align and evaluate with align.objective={}", name);
}

std::vector<std::string> missing_systems(const Study& study) {
  std::vector<std::string> lines;
  for (const std::string& dataset : study.datasets) {
    std::vector<std::string> systems_text;
    for (const System& system : systems())
      if (system.kind != SystemKind::kYardstick && study.base(dataset, system.name) == nullptr)
        systems_text.push_back(fmt::format("{} ({})", system.label, remedy(system)));
    if (!systems_text.empty())
      lines.push_back(
          fmt::format("Table 1, {}: not run at the base settings: {}.", dataset, fmt::join(systems_text, ", ")));
  }
  return lines;
}

std::string missing_datasets(const Study& study) {
  std::vector<std::string> names;
  for (const char* dataset : paper_datasets())
    if (std::find(study.datasets.begin(), study.datasets.end(), dataset) == study.datasets.end())
      names.push_back(dataset);
  if (names.empty()) return "";
  return fmt::format("No run on {}: the paper's figures for {} are left out.", fmt::join(names, ", "),
                     names.size() > 1 ? "them" : "it");
}

std::vector<std::string> missing_values(const Study& study, const std::string& what, const std::string& system,
                                        const std::string& key, const std::vector<std::string>& values) {
  std::vector<std::string> lines;
  for (const std::string& dataset : study.datasets) {
    std::vector<std::string> missing;
    const auto sweep = study.sweep(dataset, system, key);
    for (const std::string& value : values)
      if (std::none_of(sweep.begin(), sweep.end(),
                       [&](const Variant* v) { return text_of(v->settings, key) == value; }))
        missing.push_back(value);
    if (!missing.empty())
      lines.push_back(fmt::format("{}, {}: {} with {} = {} not run.", what, dataset, find_system(system)->label, key,
                                  fmt::join(missing, ", ")));
  }
  return lines;
}

std::string unused_variants(const Study& study) {
  std::size_t count = 0;
  std::string first;
  for (const Variant& variant : study.variants) {
    const bool in_grid = variant.system->name == std::string_view("recpo") &&
                         variant.only_changes({"align.margin", "align.margin_form"});
    if (variant.is_base || variant.changed.size() < 2 || in_grid) continue;
    if (++count == 1)
      first = fmt::format("{} on {} with {}", variant.system->label, variant.dataset, fmt::join(variant.changed, ", "));
  }
  if (count == 0) return "";
  return fmt::format(
      "{} variant{} in more than one setting, so that no table or figure can say which of them mattered; they "
      "stand under the settings only (the first: {}).",
      count, count == 1 ? " differs from its base" : "s differ from their bases", first);
}
}  // namespace

void add_missing(const Study& study, Document& document) {
  std::vector<std::string> lines = missing_systems(study);
  const auto append = [&](const std::vector<std::string>& more) {
    lines.insert(lines.end(), more.begin(), more.end());
  };
  append({missing_datasets(study)});
  append(missing_values(study, "Table 2", "recpo", "align.margin", {"log-diff", "log-ratio", "ratio"}));
  append(missing_values(study, "Figure 2", "sft", "data.tier", {"filtered", "full", "filtered+rating", "full+rating"}));
  for (const std::string& dataset : study.datasets)
    if (study.sweep(dataset, "recpo", "align.lambda").size() < 2)
      lines.push_back(fmt::format("Figure 6, {}: no second value of align.lambda.", dataset));
  append({unused_variants(study)});
  append(study.remarks);
  std::erase(lines, "");
  document.add(Heading{"What is missing, and what was decided"});
  if (lines.empty()) document.add(Paragraph{"Nothing."});
  document.add(Bullets{lines});
}

}  // namespace recpo::report
