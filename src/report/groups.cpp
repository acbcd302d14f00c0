#include "src/report/groups.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace recpo::report {
namespace {
// Of all systems of a run, in some sections.
Settings settings_of(const RunFolder& run, std::initializer_list<std::string_view> sections) {
  Settings found;
  for (const SystemMetrics& metrics : run.systems)
    for (const auto& [key, setting] : relevant_settings(describe_systems({metrics.system}).front(), metrics.settings))
      if (std::ranges::any_of(sections, [&](std::string_view section) { return key.starts_with(section); }))
        found.emplace(key, setting);
  return found;
}

Settings model_of(const RunFolder& run) { return settings_of(run, {"model.", "tokenizer."}); }
Settings data_of(const RunFolder& run) { return settings_of(run, {"data.", "synthetic."}); }

// Keys of which one has another value or none. Settings of adapters belong to training: a system without it has none.
std::size_t num_differences(const Settings& a, const Settings& b) {
  std::size_t differences = 0;
  for (const auto& [key, setting] : a) {
    const auto found = b.find(key);
    differences += found == b.end() ? !key.starts_with("model.lora.") : found->second != setting;
  }
  for (const auto& [key, setting] : b) differences += !a.contains(key) && !key.starts_with("model.lora.");
  return differences;
}

std::size_t common_length(const std::filesystem::path& a, const std::filesystem::path& b) {
  return static_cast<std::size_t>(
      std::distance(a.begin(), std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first));
}

// Larger is nearer.
auto nearness(const RunFolder& a, const RunFolder& b) {
  const Settings of_a = data_of(a), of_b = data_of(b);
  const bool same = text_of(of_a, "data.dataset") == text_of(of_b, "data.dataset");
  return std::tuple(same, -static_cast<std::ptrdiff_t>(num_differences(of_a, of_b)), common_length(a.path, b.path));
}

// The smallest number of a run connected with each.
std::vector<std::size_t> connected(const std::vector<Settings>& models) {
  std::vector<std::size_t> group(models.size());
  std::iota(group.begin(), group.end(), std::size_t{0});
  for (std::size_t a = 0; a < models.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      if (models[a].empty() || models[b].empty() || group[a] == group[b]) continue;
      if (num_differences(models[a], models[b]) > 1) continue;
      const std::size_t kept = std::min(group[a], group[b]), gone = std::max(group[a], group[b]);
      std::ranges::replace(group, gone, kept);
    }
  }
  return group;
}
}  // namespace

std::vector<std::vector<RunFolder>> group_runs(std::vector<RunFolder> runs) {
  std::vector<Settings> models;
  for (const RunFolder& run : runs) models.push_back(model_of(run));
  std::vector<std::size_t> group = connected(models), with_model;
  for (std::size_t i = 0; i < runs.size(); ++i)
    if (!models[i].empty()) with_model.push_back(i);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (!models[i].empty()) continue;
    group[i] = with_model.empty() ? 0 : group[*std::ranges::max_element(with_model, {}, [&](std::size_t other) {
      return nearness(runs[i], runs[other]);
    })];
  }
  std::map<std::size_t, std::vector<RunFolder>> groups;
  for (std::size_t i = 0; i < runs.size(); ++i) groups[group[i]].push_back(std::move(runs[i]));
  std::vector<std::vector<RunFolder>> ordered;
  for (auto& [first, own] : groups) ordered.push_back(std::move(own));
  return ordered;
}

std::string title_of(const Study& study) {
  std::vector<std::string> models;
  for (const RunFolder& run : study.runs) {
    const Settings model = model_of(run);
    const std::string path = text_of(model, "model.path"), size = text_of(model, "model.size");
    if (path.empty() && size.empty()) continue;
    std::string name = path.empty() ? size + " model from random weights" : path;
    if (std::ranges::find(models, name) == models.end()) models.push_back(std::move(name));
  }
  const std::string what = models.empty() ? "runs" : fmt::format("{}", fmt::join(models, ", "));
  return study.datasets.empty() ? what : fmt::format("{} on {}", what, fmt::join(study.datasets, ", "));
}

std::vector<std::string> notes_of(const Study& study) {
  std::vector<std::string> notes;
  for (const RunFolder& run : study.runs)
    if (!run.note.empty() && std::ranges::find(notes, run.note) == notes.end()) notes.push_back(run.note);
  return notes;
}

}  // namespace recpo::report
