#pragma once
// Another right value for a deck key, as a test of "every key" needs one.

#include <algorithm>

#include "src/support/keys.hpp"

namespace recpo::test {

// Gives the key's member a value that differs from its present one and is within range and choices.
inline void change_value(const Key& key) {
  struct Change {
    const Key& key;
    double other(double value) const {  // a number near it
      const double candidates[] = {value + 1, value - 1, value / 2 + 0.01, value * 0.9};
      for (const double number : candidates) {
        const bool low = key.low_open ? number > key.low : number >= key.low;
        const bool high = key.high_open ? number < key.high : number <= key.high;
        if (low && high) return number;
      }
      return value;
    }
    void operator()(std::string* value) const {
      const auto choice = std::ranges::find_if(key.choices, [&](const std::string& c) { return c != *value; });
      const std::string free = (key.is_path ? "/" : *value) + "other \"quoted\" \\ name";
      *value = choice == key.choices.end() ? free : *choice;
    }
    void operator()(std::int64_t* value) const {
      *value = static_cast<std::int64_t>(other(static_cast<double>(*value)));
    }
    void operator()(std::uint64_t* value) const { ++*value; }
    void operator()(double* value) const { *value = other(*value); }
    void operator()(bool* value) const { *value = !*value; }
    void operator()(std::vector<std::string>* value) const {
      *value = {key.choices.empty() ? "/any" : key.choices.back()};
    }
    void operator()(ChoiceField value) const {
      *value.value = static_cast<std::uint8_t>((*value.value + 1u) % key.choices.size());
    }
    void operator()(std::optional<std::int64_t>* value) const { *value = 1; }
    void operator()(std::optional<double>* value) const { *value = 1.5; }
    void operator()(std::optional<bool>* value) const { *value = true; }
  };
  std::visit(Change{key}, key.field);
}

}  // namespace recpo::test
