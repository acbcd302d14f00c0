#include "src/report/systems.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>

#include "src/baselines/baseline.hpp"
#include "src/data/dataset.hpp"
#include "src/deck/deck_keys.hpp"
#include "src/evaluation/evaluation_test.hpp"
#include "src/evaluation/metrics.hpp"
#include "src/objective/objective.hpp"

namespace recpo::report {
namespace {
Role role_of(const baselines::Baseline& baseline) {
  switch (baseline.reference_point) {
    case baselines::ReferencePoint::kHeuristic:
      return Role::kHeuristic;
    case baselines::ReferencePoint::kChance:
      return Role::kChance;
    case baselines::ReferencePoint::kBest:
      return Role::kBest;
    default:
      return Role::kTraditional;
  }
}

std::vector<System> registered_systems() {
  std::vector<System> systems = {{"base", "Zero-shot", "#999999", Role::kBase},
                                 {kSft, "SFT", "#e69f00", Role::kSft},
                                 {kSftLonger, "SFT longer", "#8c6d00", Role::kSft}};
  for (const objective::Objective* o : objective::objectives())
    systems.push_back({o->name, o->label, o->colour, Role::kAligned, o->proposed, o->extends});
  for (const baselines::Baseline* b : baselines::baselines())
    systems.push_back({b->name, b->label, b->colour, role_of(*b)});
  return systems;
}

// Okabe and Ito's, and more.
constexpr std::array kPalette = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
                                 "#333333", "#8c6d31", "#7b4173", "#637939", "#ad494a", "#3182bd"};

template <class T>
const T* find_registered(const std::vector<const T*>& registered, const std::string& name) {
  const auto found = std::ranges::find(registered, name, [](const T* part) { return std::string(part->name); });
  return found == registered.end() ? nullptr : *found;
}

// What makes a system what it is, of recpo::changes.
unsigned made_by(Role role) {
  constexpr unsigned kModel = changes::kRows | changes::kModel | changes::kEvaluation;
  switch (role) {
    case Role::kBase:
      return kModel;
    case Role::kSft:
      return kModel | changes::kSft;
    case Role::kAligned:
      return kModel | changes::kTraining;
    case Role::kTraditional:
      return changes::kRows | changes::kBaseline | changes::kEvaluation;
    default:
      return changes::kRows | changes::kEvaluation;
  }
}

// Keys that change outputs but no metric that two systems both have: the seed, whose results are pooled, what the
// system's name and its data set's say, and which tests and metrics there are.
constexpr std::string_view kWithoutEffect[] = {"run.seed",  "align.objective", "baseline.model",
                                               "data.path", "evaluate.tests",  "evaluate.rank_candidates"};

// How a language model's text becomes an answer; other systems name a candidate.
constexpr std::string_view kOfText[] = {"evaluate.match", "evaluate.decode"};

bool matters(const System& system, const Settings& settings, const std::string& key) {
  if (std::ranges::find(kWithoutEffect, key) != std::end(kWithoutEffect)) return false;
  if (!is_language_model(system.role) && std::ranges::find(kOfText, key) != std::end(kOfText)) return false;
  const std::optional<unsigned> changed = deck::changed_by(key);
  if (changed && (*changed & made_by(system.role)) == 0) return false;
  const data::Dataset* dataset = find_registered(data::datasets(), text_of(settings, "data.dataset"));
  if (key.starts_with("synthetic.") && dataset != nullptr && dataset->generate == nullptr) return false;
  const objective::Objective* objective = find_registered(objective::objectives(), system.name);
  if (objective == nullptr && system.role == Role::kAligned) return true;  // it may read every key
  static const objective::Objective kNone = {
      .name = "", .label = "", .colour = "", .order = 0, .most_negatives = 0, .loss = nullptr};
  return objective::reads(objective == nullptr ? kNone : *objective, key);
}

std::string last_name(const std::string& path) {
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return (normal.has_filename() ? normal : normal.parent_path()).filename().string();
}

// Of a path its last name, of a native checkpoint its stage.
std::string place_free(const std::string& path) {
  const std::size_t checkpoint = path.rfind("checkpoints/");
  if (checkpoint != std::string::npos) return path.substr(checkpoint, path.find('/', checkpoint + 12) - checkpoint);
  return last_name(path);
}
}  // namespace

const char* palette_colour(std::size_t n) { return kPalette[n % kPalette.size()]; }

std::vector<System> describe_systems(const std::set<std::string>& names) {
  std::vector<System> systems;
  std::set<std::string> others = names, taken;
  for (const System& system : registered_systems()) {
    if (others.erase(system.name) == 0) continue;
    systems.push_back(system);
    taken.insert(system.colour);
  }
  std::size_t next = 0;
  for (const std::string& name : others) {
    while (next < kPalette.size() && taken.contains(palette_colour(next))) ++next;
    systems.push_back({name, name, palette_colour(next++)});
  }
  std::ranges::stable_sort(systems, {}, &System::role);
  return systems;
}

Settings relevant_settings(const System& system, const Settings& settings) {
  Settings relevant;
  for (const auto& [key, setting] : settings) {
    if (!matters(system, settings, key)) continue;
    relevant[key] = setting;
    if (setting.text.find('/') != std::string::npos) relevant[key].text = place_free(setting.text);
  }
  return relevant;
}

std::string dataset_of(const Settings& settings, const std::string& fallback) {
  const std::string name = text_of(settings, "data.dataset", fallback);
  const data::Dataset* dataset = find_registered(data::datasets(), name);
  if (dataset == nullptr || !(dataset->any_content || dataset->has_ready_rows())) return name;
  const std::string source = text_of(settings, dataset->has_ready_rows() ? "data.test" : "data.path");
  return source.empty() ? name : fmt::format("{} ({})", name, last_name(source));
}

std::vector<MetricView> registered_metrics() {
  std::vector<MetricView> views;
  for (const evaluation::Metric* metric : evaluation::metrics())
    views.push_back({metric->full_name(), metric->label, metric->in_tables, metric->lowest, metric->highest});
  return views;
}

MetricView describe_metric(const std::string& name) {
  for (const MetricView& metric : registered_metrics())
    if (metric.name == name) return metric;
  constexpr double kMax = std::numeric_limits<double>::max();
  return {name, name, true, -kMax, kMax};
}

TestView describe_test(const std::string& name) {
  const evaluation::EvaluationTest* test = find_registered(evaluation::evaluation_tests(), name);
  const std::string picture = fmt::format("{}.svg", test == nullptr ? "test-" + name : test->figure);
  if (test == nullptr) return {"HR@1, " + name, "HR@1 of the rows of test " + name + ".", picture, picture};
  return {test->label, test->meaning, picture,
          test->run_figure == nullptr ? picture : fmt::format("{}.svg", test->run_figure)};
}

}  // namespace recpo::report
