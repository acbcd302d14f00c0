#pragma once
// Declaration of deck keys. A struct of options declares each member once, next to it: name, help, and where needed the
// unit, the range or the choices, and what a change of the value changes. Type and default are the member's own.
//
//   struct CheckpointOptions {
//     std::int64_t keep = 2;
//     double every_minutes = 15;
//     void declare(Keys& key) {
//       key("keep", keep, "checkpoints of a stage that are kept").at_least(1);
//       key("every_minutes", every_minutes, "time between checkpoints; 0 = off").unit("min").at_least(0);
//     }
//   };
//
// The deck's reader, its checks, identities (hashes of what an output depends on), --print-deck and
// inputs/reference.toml follow from the declarations.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "src/support/enum_names.hpp"

namespace recpo {

// What depends on a key's value; a sum of these. Nothing: the value says where and how, not what is computed.
namespace changes {
inline constexpr unsigned kNothing = 0;
inline constexpr unsigned kRows = 1;   // the drawn rows
inline constexpr unsigned kModel = 2;  // the language model before training, its prompts and tokens
inline constexpr unsigned kSft = 4;    // supervised fine-tuning
inline constexpr unsigned kAlign = 8;  // alignment
inline constexpr unsigned kTraining = kSft | kAlign;
inline constexpr unsigned kBaseline = 16;  // traditional recommenders
inline constexpr unsigned kEvaluation = 32;
inline constexpr unsigned kEverything = 63;
}  // namespace changes

// An enum's value behind a pointer, by its number.
struct ChoiceField {
  std::uint8_t* value = nullptr;
};

struct Key {
  // The member that holds the value. One that is optional has no value until a deck gives it one.
  using Field = std::variant<std::string*, std::int64_t*, std::uint64_t*, double*, bool*, std::vector<std::string>*,
                             ChoiceField, std::optional<std::int64_t>*, std::optional<double>*, std::optional<bool>*>;

  std::string section, name;
  Field field;
  std::string help;                       // one line
  unsigned changed = 0;                   // sum of `changes`
  std::string measured_in = {};           // "tokens"; empty: a count, or no number
  std::vector<std::string> choices = {};  // of a text or of each element of a list; empty: any
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  bool low_open = false, high_open = false;
  bool is_path = false;  // relative paths become absolute; contents count in identities, not the path

  Key& unit(std::string text) { return measured_in = std::move(text), *this; }
  Key& at_least(double value) { return low = value, *this; }
  Key& above(double value) { return low = value, low_open = true, *this; }
  Key& at_most(double value) { return high = value, *this; }
  Key& below(double value) { return high = value, high_open = true, *this; }
  Key& between(double least, double most) { return at_least(least).at_most(most); }
  Key& one_of(std::vector<std::string> names) { return choices = std::move(names), *this; }
  Key& path() { return is_path = true, *this; }
  Key& affects(unsigned sum) { return changed = sum, *this; }

  std::string full_name() const { return section + "." + name; }
};

// Help with choices, unit and range: the comment behind a key in a printed deck.
std::string comment_of(const Key& key);
// The value as TOML and JSON read it; nullopt for an optional member without one.
std::optional<std::string> value_text(const Key& key);
// The place of `text` among the choices; kUsage when it is none of them.
std::size_t find_choice(const Key& key, const std::string& place, const std::string& text);
// Throws kUsage where the value is none of the choices or out of range; `place` names the key in the message.
void check_value(const Key& key, const std::string& place);

// A number that a registered part (an objective, a baseline) declares in its own file. Its value lives in `PartValues`
// of the options of that section, which declare it by Keys::part.
struct PartKey {
  const char* name;
  double fallback;
  const char* help;
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();

  double operator()(const std::map<std::string, double>& values) const {
    const auto found = values.find(name);
    return found == values.end() ? fallback : found->second;
  }
};
using PartValues = std::map<std::string, double>;

// Keys in the order of their declaration, with pointers to the declaring object's members.
class Keys {
 public:
  // Of the keys that follow.
  void section(std::string name, unsigned changed) { section_ = std::move(name), changed_ = changed; }

  template <class T>
  Key& operator()(const char* name, T& member, std::string help) {
    if constexpr (std::is_enum_v<T>) {
      static_assert(sizeof(T) == 1);
      const auto names = names_of(T{});
      return add(name, ChoiceField{reinterpret_cast<std::uint8_t*>(&member)}, std::move(help))
          .one_of({names.begin(), names.end()});
    } else {
      return add(name, &member, std::move(help));
    }
  }
  // A key that several parts share is declared by the first of them.
  void part(const PartKey& key, PartValues& values);

  std::span<const Key> all() const& { return keys_; }
  std::span<const Key> all() && = delete;

 private:
  Key& add(const char* name, Key::Field field, std::string help) {
    return keys_.emplace_back(Key{section_, name, field, std::move(help), changed_});
  }

  std::string section_;
  unsigned changed_ = 0;
  std::vector<Key> keys_;
};

// Every value of an object that declares keys against its range and choices; kUsage.
template <class Options>
void check_values(Options options, const std::string& section) {
  Keys keys;
  keys.section(section, changes::kNothing);
  options.declare(keys);
  for (const Key& key : keys.all()) check_value(key, key.full_name());
}

}  // namespace recpo
