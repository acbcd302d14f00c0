#pragma once
// A deck as text: TOML or "section.key=value" overrides become a flat list of entries, each knowing where it was
// written. Knows no keys and no types but TOML's own. Throws kUsage naming file and line.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace recpo::app {

using DeckValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

struct DeckEntry {
  std::string section, key;  // "model.lora", "rank"
  DeckValue value;
  std::string raw;               // overrides: the value as typed, for keys that take text
  std::string origin;            // "deck.toml:12" | "command line"
  std::filesystem::path folder;  // where a relative path in the value begins; "": it stays relative
  bool is_override = false;      // typed without quotes

  std::string name() const { return section + "." + key; }
  std::string place() const { return origin + ": " + name(); }  // for errors
};

struct DeckText {
  std::vector<std::string> includes;  // `include = ["base.toml"]` before the first section
  std::string include_origin;
  std::vector<DeckEntry> entries;
};

// `name` appears in errors and origins.
DeckText parse_deck(std::string_view text, const std::string& name);
std::vector<DeckEntry> parse_deck_text(std::string_view text, const std::string& name);  // no includes

inline constexpr const char* kCommandLineOrigin = "command line";

// Text needs no quotes, lists are TOML ([a, b] and a,b without quotes are fine, too).
DeckEntry parse_override(const std::string& text, const std::string& origin = kCommandLineOrigin);

}  // namespace recpo::app
