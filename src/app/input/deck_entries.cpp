#include "src/app/input/deck_entries.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "src/support/check.hpp"

namespace recpo::app {
namespace {

std::string one_line(std::string_view text) {
  std::string result(text);
  std::replace(result.begin(), result.end(), '\n', ' ');
  return result;
}

DeckValue convert(const toml::node& node, const std::string& origin, const std::string& name) {
  if (const auto* value = node.as_boolean()) return value->get();
  if (const auto* value = node.as_integer()) return value->get();
  if (const auto* value = node.as_floating_point()) return value->get();
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* array = node.as_array()) {
    std::vector<std::string> list;
    for (const toml::node& element : *array) {
      const auto* text = element.as_string();
      if (text == nullptr) throw_usage("{}: {}: a list must hold strings only", origin, name);
      list.push_back(text->get());
    }
    return list;
  }
  throw_usage("{}: {}: dates and times are no values of a deck", origin, name);
}

constexpr const char* kInclude = "include";

void flatten(const toml::table& table, const std::string& section, const std::string& file, DeckText& deck) {
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    const std::string path = section.empty() ? name : section + "." + name;
    const std::string origin = fmt::format("{}:{}", file, key.source().begin.line);
    if (const auto* inner = node.as_table()) {
      flatten(*inner, path, file, deck);
    } else if (section.empty() && name == kInclude && node.is_array()) {
      deck.includes = std::get<std::vector<std::string>>(convert(node, origin, name));
      deck.include_origin = origin;
    } else if (section.empty() && name == kInclude) {
      throw_usage("{}: include must be a list of decks, for example [\"base.toml\"]", origin);
    } else if (section.empty()) {
      throw_usage("{}: {} stands before any section; write it below its section, for example [run]", origin, name);
    } else {
      deck.entries.push_back({section, name, convert(node, origin, path), "", origin, {}, false});
    }
  }
}

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

std::vector<std::string> split_list(std::string_view text) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  std::vector<std::string> list;
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (std::string item = trimmed(text.substr(0, comma)); !item.empty()) list.push_back(std::move(item));
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return list;
}

// The value as TOML reads it; nullopt when it is not TOML, so that it is text without quotes.
std::optional<DeckValue> parse_value(const std::string& text, const std::string& origin, const std::string& name) {
  if (text.find('\n') != std::string::npos) return std::nullopt;
  std::optional<toml::table> table;
  try {
    table = toml::parse("value = " + text);
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
  const toml::node* node = table->get("value");
  if (node == nullptr || table->size() != 1 || node->is_table() || node->is_date() || node->is_time() ||
      node->is_date_time()) {
    return std::nullopt;
  }
  return convert(*node, origin, name);
}

}  // namespace

DeckText parse_deck(std::string_view text, const std::string& name) {
  DeckText deck;
  try {
    flatten(toml::parse(text, name), "", name, deck);
  } catch (const toml::parse_error& error) {
    throw_usage("{}:{}: not valid TOML: {}", name, error.source().begin.line, one_line(error.description()));
  }
  return deck;
}

std::vector<DeckEntry> parse_deck_text(std::string_view text, const std::string& name) {
  DeckText deck = parse_deck(text, name);
  if (!deck.includes.empty()) throw_usage("{}: include works in deck files only", deck.include_origin);
  return std::move(deck.entries);
}

DeckEntry parse_override(const std::string& text, const std::string& origin) {
  const auto equals = text.find('=');
  const auto dot = text.substr(0, equals).rfind('.');
  if (equals == std::string::npos || dot == std::string::npos || dot == 0 || dot + 1 == equals) {
    const bool typed = origin == kCommandLineOrigin;
    throw_usage("{}: '{}' is {}section.key=value", origin, text, typed ? "neither a command nor " : "not of the form ");
  }
  DeckEntry entry;
  entry.section = trimmed(text.substr(0, dot));
  entry.key = trimmed(text.substr(dot + 1, equals - dot - 1));
  entry.raw = trimmed(text.substr(equals + 1));
  entry.origin = origin;
  entry.is_override = true;
  if (auto value = parse_value(entry.raw, origin, entry.name())) {
    entry.value = std::move(*value);
  } else if (entry.raw.starts_with('[') || entry.raw.find(',') != std::string::npos) {
    entry.value = split_list(entry.raw);
  } else {
    entry.value = entry.raw;
  }
  return entry;
}

}  // namespace recpo::app
