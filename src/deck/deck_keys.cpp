#include "src/deck/deck_keys.hpp"

#include <map>

#include "src/deck/deck.hpp"
#include "src/deck/nearest_name.hpp"
#include "src/support/check.hpp"

namespace recpo::deck {

Keys keys_of(Deck& deck) {
  Keys keys;
  deck.declare(keys);
  return keys;
}

std::optional<unsigned> changed_by(const std::string& key) {
  static const std::map<std::string, unsigned> all = [] {
    Deck deck;
    const Keys keys = keys_of(deck);
    std::map<std::string, unsigned> changed;
    for (const Key& declared : keys.all()) changed[declared.full_name()] = declared.changed;
    return changed;
  }();
  const auto found = all.find(key);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

const Key& find_key(const Keys& keys, const std::string& section, const std::string& name, const std::string& origin) {
  std::vector<std::string> same_name, same_section, all;
  for (const Key& key : keys.all()) {
    if (key.section == section && key.name == name) return key;
    if (key.name == name) same_name.push_back(key.full_name());
    if (key.section == section) same_section.push_back(key.full_name());
    all.push_back(key.full_name());
  }
  const auto& likely = !same_name.empty() ? same_name : !same_section.empty() ? same_section : all;
  throw_usage("{}: unknown key {}.{}; did you mean {}?", origin, section, name,
              nearest_name(section + "." + name, likely));
}

}  // namespace recpo::deck
