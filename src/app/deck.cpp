#include "src/app/deck.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "src/app/deck_checks.hpp"
#include "src/app/deck_keys.hpp"
#include "src/app/input/deck_file.hpp"
#include "src/support/check.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;

std::string choices_text(const Rule& rule) { return fmt::format("{}", fmt::join(rule.choices, " | ")); }

std::string range_text(const Rule& rule) {
  const std::string low = fmt::format("{} {}", rule.low_open ? "above" : "at least", rule.low);
  const std::string high = fmt::format("{} {}", rule.high_open ? "below" : "at most", rule.high);
  if (std::isinf(rule.high)) return low;
  return std::isinf(rule.low) ? high : low + " and " + high;
}

void check_choice(const DeckEntry& entry, const Rule& rule, const std::string& text) {
  if (rule.choices.empty() || std::find(rule.choices.begin(), rule.choices.end(), text) != rule.choices.end()) return;
  throw_usage("{} = \"{}\" is not one of {}", entry.place(), text, choices_text(rule));
}

void check_range(const DeckEntry& entry, const Rule& rule, double value) {
  const bool low = rule.low_open ? value > rule.low : value >= rule.low;
  const bool high = rule.high_open ? value < rule.high : value <= rule.high;
  if (!std::isfinite(value)) throw_usage("{} = {} is not a finite number", entry.place(), value);
  if (!low || !high) throw_usage("{} = {} must be {}", entry.place(), value, range_text(rule));
}

std::string as_text(const DeckEntry& entry) {
  if (const auto* text = std::get_if<std::string>(&entry.value)) return *text;
  if (entry.is_override) return entry.raw;
  throw_usage("{} must be text in quotes", entry.place());
}

std::int64_t as_integer(const DeckEntry& entry) {
  if (const auto* value = std::get_if<std::int64_t>(&entry.value)) return *value;
  throw_usage("{} must be a whole number", entry.place());
}

double as_real(const DeckEntry& entry) {
  if (const auto* value = std::get_if<double>(&entry.value)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&entry.value)) return static_cast<double>(*value);
  throw_usage("{} must be a number", entry.place());
}

bool as_boolean(const DeckEntry& entry) {
  if (const auto* value = std::get_if<bool>(&entry.value)) return *value;
  throw_usage("{} must be true or false", entry.place());
}

std::vector<std::string> as_list(const DeckEntry& entry) {
  if (const auto* list = std::get_if<std::vector<std::string>>(&entry.value)) return *list;
  if (entry.is_override) return {as_text(entry)};
  throw_usage("{} must be a list of texts, for example [\"main\"]", entry.place());
}

double as_shape_number(const DeckEntry& entry, const Rule& rule) {
  if (const auto* value = std::get_if<bool>(&entry.value)) return *value ? 1 : 0;
  return rule.whole ? static_cast<double>(as_integer(entry)) : as_real(entry);
}

// Writes one entry into its member; every kind of member knows what it accepts.
struct Assign {
  const Key& key;
  const DeckEntry& entry;

  void operator()(std::string* target) const {
    *target = as_text(entry);
    check_choice(entry, key.rule, *target);
  }
  void operator()(std::int64_t* target) const {
    *target = as_integer(entry);
    check_range(entry, key.rule, static_cast<double>(*target));
  }
  void operator()(std::uint64_t* target) const {
    if (as_integer(entry) < 0) throw_usage("{} = {} must be at least 0", entry.place(), as_integer(entry));
    *target = static_cast<std::uint64_t>(as_integer(entry));
  }
  void operator()(double* target) const {
    *target = as_real(entry);
    check_range(entry, key.rule, *target);
  }
  void operator()(bool* target) const { *target = as_boolean(entry); }
  void operator()(std::vector<std::string>* target) const {
    *target = as_list(entry);
    for (const std::string& element : *target) check_choice(entry, key.rule, element);
  }
  void operator()(ShapeField target) const {
    const double value = as_shape_number(entry, key.rule);
    check_range(entry, key.rule, value);
    (*target.shape)[key.name] = value;
  }
};

void make_absolute(std::string& path, const fs::path& folder) {
  if (!path.empty()) path = (folder / path).lexically_normal().string();
}

bool names_a_model(const Deck& deck) { return deck.reference != "sft" && deck.reference != "base"; }

// Relative paths begin at the folder of the deck that names them, the current one when typed on the command line, and
// defaults at `deck_folder`.
void resolve_paths(Deck& deck, const std::map<std::string, fs::path>& folders, const fs::path& deck_folder) {
  const auto folder = [&](const std::string& name) {
    const auto found = folders.find(name);
    return found == folders.end() ? deck_folder : found->second;
  };
  for (const Key& key : deck_keys()) {
    if (!key.rule.path) continue;
    const Field field = key.field(deck);
    if (const auto* list = std::get_if<std::vector<std::string>*>(&field)) {
      for (std::string& path : **list) make_absolute(path, folder(key.full_name()));
    } else {
      make_absolute(*std::get<std::string*>(field), folder(key.full_name()));
    }
  }
  if (names_a_model(deck)) make_absolute(deck.reference, folder("align.reference"));
}

Deck assemble(std::vector<DeckEntry> entries, const fs::path& folder, const std::vector<DeckEntry>& overrides) {
  entries.insert(entries.end(), overrides.begin(), overrides.end());
  Deck deck;
  std::map<std::string, fs::path> folders;
  for (const DeckEntry& entry : entries) {
    const Key& key = find_key(entry.section, entry.key, entry.origin);
    std::visit(Assign{key, entry}, key.field(deck));
    deck.origins[entry.name()] = entry.origin;
    folders[entry.name()] = entry.folder;
  }
  resolve_paths(deck, folders, folder);
  deck.data.alpha = deck.objective.alpha;
  deck.evaluate.max_eval_rows = deck.data.max_eval_rows;
  check_deck(deck);
  return deck;
}

}  // namespace

std::vector<DeckEntry> parse_overrides(const std::vector<std::string>& overrides) {
  std::vector<DeckEntry> entries;
  for (const std::string& text : overrides) {
    entries.push_back(parse_override(text));
    entries.back().folder = fs::current_path();
  }
  return entries;
}

Deck read_deck_text(std::string_view text, const std::string& name, const fs::path& folder,
                    const std::vector<std::string>& overrides) {
  std::vector<DeckEntry> entries = parse_deck_text(text, name);
  for (DeckEntry& entry : entries) entry.folder = folder;
  return assemble(std::move(entries), folder, parse_overrides(overrides));
}

Deck read_deck_with(const fs::path& path, const std::vector<DeckEntry>& overrides) {
  if (path.empty()) return assemble({}, "", overrides);
  return assemble(read_deck_file(path), fs::absolute(path).parent_path(), overrides);
}

Deck read_deck(const fs::path& path, const std::vector<std::string>& overrides) {
  return read_deck_with(path, parse_overrides(overrides));
}

std::string where(const Deck& deck, const std::string& key) {
  const auto origin = deck.origins.find(key);
  return origin == deck.origins.end() ? key + " (default)" : origin->second + ": " + key;
}

}  // namespace recpo::app
