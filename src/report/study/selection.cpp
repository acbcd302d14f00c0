#include "src/report/study/selection.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "src/report/paper.hpp"

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
  for (const Variant* variant : variants)
    for (const auto& [key, setting] : variant->settings) keys[variant->system].insert(key);
  return keys;
}

Value elected(const std::string& key, const Votes& votes) {
  const auto paper = paper_setting(key);
  for (const auto& [value, count] : votes)
    if (paper && value && value->text == *paper) return value;
  const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
  return std::max_element(votes.begin(), votes.end(), fewer)->first;  // the first of the largest
}

using BaseSettings = std::map<std::string, Value>;

BaseSettings base_settings(const std::vector<Variant*>& variants, const KeysOfSystem& keys) {
  std::map<std::string, Votes> votes;
  for (const Variant* variant : variants) {
    if (!keys.contains(variant->system)) continue;
    for (const std::string& key : keys.at(variant->system)) {
      const Value value = value_of(variant->settings, key);
      Votes& of_key = votes[key];
      auto known = std::find_if(of_key.begin(), of_key.end(), [&](const auto& v) { return v.first == value; });
      if (known == of_key.end()) known = of_key.insert(of_key.end(), {value, 0});
      known->second += variant->seeds.size();
    }
  }
  BaseSettings base;
  for (const auto& [key, of_key] : votes) base[key] = elected(key, of_key);
  return base;
}

// Keys of either that the other has differently or not at all.
std::vector<std::string> differences(const Settings& a, const Settings& b) {
  std::vector<std::string> keys;
  for (const auto& [key, setting] : a)
    if (!b.contains(key) || b.at(key) != setting) keys.push_back(key);
  for (const auto& [key, setting] : b)
    if (!a.contains(key)) keys.push_back(key);
  return keys;
}

std::vector<std::string> deviations(const Variant& variant, const KeysOfSystem& keys, const BaseSettings& base) {
  std::vector<std::string> found;
  if (!keys.contains(variant.system)) return found;
  for (const std::string& key : keys.at(variant.system))
    if (value_of(variant.settings, key) != base.at(key)) found.push_back(key);
  return found;
}

bool only_other_keys(const std::vector<std::string>& keys) {
  return std::none_of(keys.begin(), keys.end(), [](const std::string& key) { return paper_setting(key).has_value(); });
}

Variant* choose(const std::vector<Variant*>& variants) {
  Variant* chosen = nullptr;
  const auto better = [](const Variant& a, const Variant& b) {
    if (a.changed.size() != b.changed.size()) return a.changed.size() < b.changed.size();
    return a.seeds.size() > b.seeds.size();
  };
  for (Variant* variant : variants)
    if (only_other_keys(variant->changed) && (chosen == nullptr || better(*variant, *chosen))) chosen = variant;
  return chosen;
}

void remark_ties(const Variant& chosen, const std::vector<Variant*>& variants, std::vector<std::string>& remarks) {
  for (const Variant* other : variants) {
    if (other == &chosen || other->changed.size() != chosen.changed.size() ||
        other->seeds.size() != chosen.seeds.size() || !only_other_keys(other->changed))
      continue;
    remarks.push_back(fmt::format("{} on {}: several runs could stand in the tables; the first found, {}, does.",
                                  chosen.system->label, chosen.dataset, chosen.seeds.front().run->name));
    return;
  }
}
}  // namespace

void select_bases(std::vector<Variant*>& variants, std::vector<std::string>& remarks) {
  const KeysOfSystem keys = keys_of_systems(variants);
  const BaseSettings base = base_settings(variants, keys);
  for (Variant* variant : variants) variant->changed = deviations(*variant, keys, base);
  for (const System& system : systems()) {
    std::vector<Variant*> own;
    std::copy_if(variants.begin(), variants.end(), std::back_inserter(own),
                 [&](const Variant* v) { return v->system == &system; });
    Variant* chosen = choose(own);
    if (chosen == nullptr) continue;
    remark_ties(*chosen, own, remarks);
    chosen->is_base = true;
    for (Variant* variant : own) variant->changed = differences(variant->settings, chosen->settings);
  }
  for (const auto& [key, value] : base) {
    const auto paper = paper_setting(key);
    if (paper && value && value->text != *paper)
      remarks.push_back(fmt::format("No run on {} has the paper's {} = {}: {} takes its place.",
                                    variants.front()->dataset, key, *paper, value->text));
  }
}

}  // namespace recpo::report
