// The deck as text: with every key for a reader, with those that change results for identities.

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "src/deck/deck.hpp"
#include "src/deck/deck_keys.hpp"
#include "src/support/check.hpp"

namespace recpo::deck {
namespace {
using Json = nlohmann::ordered_json;

constexpr std::size_t kCommentColumn = 32;

// `line` of each key, "" for none, under the headings of sections.
std::string print_keys(const Keys& keys, const std::function<std::string(const Key&)>& line_of) {
  std::string text, section;
  for (const Key& key : keys.all()) {
    const std::string line = line_of(key);
    if (line.empty()) continue;
    if (key.section != section) text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", key.section);
    section = key.section;
    text += line;
  }
  return text;
}

std::string line_of(const std::string& assignment, const std::string& comment) {
  return fmt::format("{:<{}}  # {}\n", assignment, kCommentColumn, comment);
}

// Every key; `note` stands behind its comment. A key without a value is a comment, with the value that it has through
// model.size.
std::string print_all_keys(const Deck& deck, const Keys& keys, const std::function<std::string(const Key&)>& note) {
  const Json shape =
      deck.model.path.empty() ? Json::parse(model::to_json(model::named_config(deck.model.size))) : Json();
  return print_keys(keys, [&](const Key& key) {
    std::string assignment;
    if (const auto value = value_text(key)) {
      assignment = fmt::format("{} = {}", key.name, *value);
    } else {
      assignment = fmt::format("# {} = {}", key.name, shape.contains(key.name) ? shape[key.name].dump() : "");
    }
    return line_of(assignment, comment_of(key) + note(key));
  });
}

}  // namespace

std::string print_deck(const Deck& deck) {
  Deck copy = deck;  // keys point to members that may be written
  const Keys keys = keys_of(copy);
  return print_all_keys(deck, keys, [&](const Key& key) {
    const auto origin = deck.origins.find(key.full_name());
    return fmt::format(" ({})", origin == deck.origins.end() ? "default" : origin->second);
  });
}

std::string reference_deck() {
  Deck deck;
  const Keys keys = keys_of(deck);
  for (const Key& key : keys.all()) {
    auto* const* path = std::get_if<std::string*>(&key.field);
    if (key.is_path && path != nullptr && !(*path)->empty()) (*path)->insert(0, "../");  // the deck is in inputs/
  }
  return "# Every key with its default, written by recpo --print-reference. A deck names only what it changes.\n"
         "# Paths are relative to the deck's folder unless absolute. recpo --print-deck shows where each value came "
         "from.\n"
         "\n" +
         print_all_keys(deck, keys, [](const Key&) { return ""; });
}

std::string write_deck(const Deck& deck, const std::map<std::string, std::string>& comments,
                       const std::set<std::string>& always) {
  Deck copy = deck, defaults;
  const Keys keys = keys_of(copy), default_keys = keys_of(defaults);
  std::set<std::string> written = always;
  for (std::size_t i = 0; i < keys.all().size(); ++i)
    if (value_text(keys.all()[i]) != value_text(default_keys.all()[i])) written.insert(keys.all()[i].full_name());
  return print_keys(keys, [&](const Key& key) -> std::string {
    if (!written.contains(key.full_name())) return "";
    const auto comment = comments.find(key.full_name());
    return line_of(fmt::format("{} = {}", key.name, value_text(key).value_or("")),
                   comment == comments.end() ? key.help : comment->second);
  });
}

namespace {
// Validation that selects nothing changes nothing.
bool is_idle(const Deck& deck, const Key& key) { return key.section == "validate" && !deck.validate.selects(); }
}  // namespace

std::string settings_text(const Deck& deck, unsigned changed) {
  Deck copy = deck;
  const Keys keys = keys_of(copy);
  std::string text;
  for (const Key& key : keys.all()) {
    if ((key.changed & changed) == 0 || is_idle(deck, key) ||
        (key.section == "model.lora" && !deck.model.lora.exists()))
      continue;
    if (const auto value = value_text(key)) text += fmt::format("{} = {}\n", key.full_name(), *value);
  }
  return text;
}

std::string settings_json(const Deck& deck, const std::vector<std::string>& sections) {
  Deck copy = deck;
  const Keys keys = keys_of(copy);
  Json json = {{"run.seed", deck.run.seed}, {"align.alpha", deck.objective.alpha}};
  for (const Key& key : keys.all()) {
    if (std::ranges::find(sections, key.section) == sections.end() || is_idle(deck, key)) continue;
    // A value reads the same in TOML and JSON.
    if (const auto value = value_text(key)) json[key.full_name()] = Json::parse(*value);
  }
  return json.dump();
}

}  // namespace recpo::deck
