// print_deck: the deck with every key, in the registry's order.

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "src/app/deck.hpp"
#include "src/app/deck_keys.hpp"

namespace recpo::app {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

// Shortest text that reads back as the same double, and as a TOML float.
std::string real(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

// The value as TOML; nullopt for a shape key that the deck does not give.
struct Print {
  const Key& key;

  std::optional<std::string> operator()(const std::string* value) const { return quoted(*value); }
  std::optional<std::string> operator()(const std::int64_t* value) const { return fmt::format("{}", *value); }
  std::optional<std::string> operator()(const std::uint64_t* value) const { return fmt::format("{}", *value); }
  std::optional<std::string> operator()(const double* value) const { return real(*value); }
  std::optional<std::string> operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::optional<std::string> operator()(const std::vector<std::string>* value) const {
    std::vector<std::string> elements;
    for (const std::string& element : *value) elements.push_back(quoted(element));
    return fmt::format("[{}]", fmt::join(elements, ", "));
  }
  std::optional<std::string> operator()(ShapeField field) const {
    const auto value = field.shape->find(key.name);
    if (value == field.shape->end()) return std::nullopt;
    return key.rule.whole ? fmt::format("{:.0f}", value->second) : real(value->second);
  }
};

std::optional<std::string> value_text(const Key& key, Deck& deck) { return std::visit(Print{key}, key.field(deck)); }

}  // namespace

std::string print_deck(const Deck& deck) {
  constexpr std::size_t kCommentColumn = 32;
  Deck copy = deck;  // the registry hands out pointers to members
  std::string text, section;
  for (const Key& key : deck_keys()) {
    if (key.section != section) text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", key.section);
    section = key.section;
    const auto value = value_text(key, copy);
    const std::string assignment = value ? fmt::format("{} = {}", key.name, *value) : fmt::format("# {} =", key.name);
    const auto origin = deck.origins.find(key.full_name());
    text += fmt::format("{:<{}}  # {} ({})\n", assignment, kCommentColumn, key.comment,
                        origin == deck.origins.end() ? "default" : origin->second);
  }
  return text;
}

std::string settings_text(const Deck& deck, const std::vector<std::string>& sections) {
  Deck copy = deck;
  std::string text;
  for (const Key& key : deck_keys()) {
    if (key.rule.equal_results || std::find(sections.begin(), sections.end(), key.section) == sections.end()) continue;
    if (const auto value = value_text(key, copy)) text += fmt::format("{} = {}\n", key.full_name(), *value);
  }
  return text;
}

std::string settings_json(const Deck& deck, const std::vector<std::string>& sections) {
  Deck copy = deck;
  nlohmann::ordered_json json = {{"run.seed", deck.run.seed}, {"align.alpha", deck.objective.alpha}};
  for (const Key& key : deck_keys()) {
    if (std::find(sections.begin(), sections.end(), key.section) == sections.end()) continue;
    // A value of the registry reads the same in TOML and JSON.
    if (const auto value = value_text(key, copy)) json[key.full_name()] = nlohmann::ordered_json::parse(*value);
  }
  return json.dump();
}

}  // namespace recpo::app
