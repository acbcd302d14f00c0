#pragma once
// A deck as text: TOML or "section.key=value" overrides become a flat list of entries, each knowing where it was
// written. Knows no keys and no types but TOML's own. Throws kUsage naming file and line.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace recpo::deck {

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

std::string trimmed(std::string_view text);  // without blanks and tabs at both ends

// Text needs no quotes, lists are TOML ([a, b] and a,b without quotes are fine, too).
DeckEntry parse_override(const std::string& text, const std::string& origin = kCommandLineOrigin);

// A deck file with the decks it includes: `include = ["base.toml", "systems.toml#recpo"]` before the first section.
// FILE#PART is one part of a file that holds several: the keys below its table [PART], such as
//   [recpo]
//   align.objective = "recpo"
// Entries of included decks come first, in the order of the list, so that a deck changes what it includes. Paths in the
// list, and relative paths in an included deck, are relative to the deck that names them.

// `path` is FILE or FILE#PART; `named_by` begins the message when there is no such file or part. Throws kUsage naming
// file and line when a deck is missing, is not TOML, or includes itself.
std::vector<DeckEntry> read_deck_file(const std::filesystem::path& path, const std::string& named_by = "deck");

}  // namespace recpo::deck
