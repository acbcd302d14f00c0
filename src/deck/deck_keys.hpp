#pragma once
// The keys of a deck, as its members declare them.

#include <optional>
#include <string>

#include "src/support/keys.hpp"

namespace recpo::deck {
struct Deck;

// In the order of the printed deck, with pointers into `deck`; keys of a section are neighbours.
Keys keys_of(Deck& deck);

// What a change of a key's value changes (sum of recpo::changes), by its full name; nullopt: no deck declares it.
std::optional<unsigned> changed_by(const std::string& key);

// Throws kUsage naming the key that was probably meant.
const Key& find_key(const Keys& keys, const std::string& section, const std::string& name, const std::string& origin);

}  // namespace recpo::deck
