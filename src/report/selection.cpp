#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/report/study.hpp"

namespace recpo::report {
namespace {
using Value = std::optional<Setting>;  // nullopt: the key is not there
// Values of a key on a data set, in the order in which they appear, with their numbers of results.
using Votes = std::vector<std::pair<Value, std::size_t>>;

Value value_of(const Settings& settings, const std::string& key) {
  const auto found = settings.find(key);
  return found == settings.end() ? Value() : found->second;
}

// Keys that a system has in some variant; without one of them a variant differs in it.
using KeysOfSystem = std::map<const System*, std::set<std::string>>;

KeysOfSystem keys_of_systems(const std::vector<Variant*>& variants) {
  KeysOfSystem keys;
  for (const Variant* variant : variants) {
    std::set<std::string>& own = keys[variant->system];
    for (const auto& [key, setting] : variant->settings) own.insert(key);
  }
  return keys;
}

// Keys of a system in which two of its settings differ; one that is not there differs from any value.
std::vector<std::string> differences(const std::set<std::string>& keys, const Settings& a, const Settings& b) {
  std::vector<std::string> found;
  for (const std::string& key : keys)
    if (value_of(a, key) != value_of(b, key)) found.push_back(key);
  return found;
}

Value elected(const std::optional<std::string>& paper, const Votes& votes) {
  for (const auto& [value, count] : votes)
    if (paper && value && value->text == *paper) return value;
  return std::ranges::max_element(votes, {}, &Votes::value_type::second)->first;  // the first of the largest
}

Settings base_settings(const std::vector<Variant*>& variants, const KeysOfSystem& keys, const Published& paper) {
  std::map<std::string, Votes> votes;
  for (const Variant* variant : variants) {
    for (const std::string& key : keys.at(variant->system)) {
      const Value value = value_of(variant->settings, key);
      Votes& of_key = votes[key];
      auto known = std::ranges::find(of_key, value, &Votes::value_type::first);
      if (known == of_key.end()) known = of_key.insert(of_key.end(), {value, 0});
      known->second += variant->seeds.size();
    }
  }
  Settings base;
  for (const auto& [key, of_key] : votes)
    if (const Value value = elected(paper.setting(key), of_key)) base[key] = *value;
  return base;
}

// The variant has the base settings in all keys of the paper.
bool fits_the_paper(const Variant& variant, const Published& paper) {
  return std::ranges::none_of(variant.changed, [&](const std::string& key) { return paper.settings.contains(key); });
}

// More fitting first: fewer other keys changed, more seeds.
auto fitness(const Variant& variant) {
  return std::pair(variant.changed.size(), -static_cast<std::ptrdiff_t>(variant.seeds.size()));
}

// Of one system on one data set; nullptr when none fits.
Variant* choose(const std::vector<Variant*>& variants, const Published& paper, std::vector<std::string>& remarks) {
  std::vector<Variant*> fitting;
  std::ranges::copy_if(variants, std::back_inserter(fitting),
                       [&](const Variant* variant) { return fits_the_paper(*variant, paper); });
  if (fitting.empty()) return nullptr;
  Variant* chosen = *std::ranges::min_element(fitting, {}, [](const Variant* v) { return fitness(*v); });
  const auto as_fit = [&](const Variant* v) { return fitness(*v) == fitness(*chosen); };
  if (std::ranges::count_if(fitting, as_fit) > 1)
    remarks.push_back(fmt::format("{} on {}: several runs could stand in the tables; the first found, {}, does.",
                                  chosen->system->label, chosen->dataset, chosen->seeds.front().run->name));
  return chosen;
}

void select_on_dataset(const std::vector<Variant*>& variants, Study& study) {
  const KeysOfSystem keys = keys_of_systems(variants);
  const Settings base = base_settings(variants, keys, study.paper);
  std::map<const System*, std::vector<Variant*>> of_system;  // systems lie in one array, in order
  for (Variant* variant : variants) {
    variant->changed = differences(keys.at(variant->system), variant->settings, base);
    of_system[variant->system].push_back(variant);
  }
  for (const auto& [system, own] : of_system) {
    Variant* chosen = choose(own, study.paper, study.remarks);
    if (chosen == nullptr) continue;
    chosen->is_base = true;
    for (Variant* variant : own) variant->changed = differences(keys.at(system), variant->settings, chosen->settings);
  }
  for (const auto& [key, value] : base) {
    const auto paper = study.paper.setting(key);
    if (paper && value.text != *paper)
      study.remarks.push_back(fmt::format("No run on {} has the paper's {} = {}: {} takes its place.",
                                          variants.front()->dataset, key, *paper, value.text));
  }
}
}  // namespace

void select_bases(Study& study) {
  for (const std::string& dataset : study.datasets) {
    std::vector<Variant*> own;
    for (Variant& variant : study.variants)
      if (variant.dataset == dataset) own.push_back(&variant);
    select_on_dataset(own, study);
  }
}

}  // namespace recpo::report
