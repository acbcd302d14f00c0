#pragma once
// The registry of deck keys: one line a key says where its value lives, what it means and which values are right.
// Defaults are those of the option structs.

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "src/app/deck.hpp"

namespace recpo::app {

// A number of config.json: present in the map only when the deck gives it.
struct ShapeField {
  std::map<std::string, double>* shape = nullptr;
};
using Field =
    std::variant<std::string*, std::int64_t*, std::uint64_t*, double*, bool*, std::vector<std::string>*, ShapeField>;

struct Rule {
  std::vector<std::string> choices = {};  // of a text or of each list element; empty: any
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;
  bool whole = false;          // shape keys: integers only
  bool path = false;           // relative paths become absolute
  bool equal_results = false;  // says how, not what is computed: no part of a stage's identity
};

struct Key {
  std::string section, name;
  Field (*field)(Deck&);
  std::string comment;  // unit and meaning, one line
  Rule rule = {};

  std::string full_name() const { return section + "." + name; }
};

// In the order of the printed deck; keys of a section are neighbours.
const std::vector<Key>& deck_keys();

// Throws kUsage naming the key that was probably meant.
const Key& find_key(const std::string& section, const std::string& name, const std::string& origin);

}  // namespace recpo::app
