#pragma once
// A deck's file with the decks it includes: `include = ["base.toml", ..]` before the first section. Entries of included
// decks come first, in the order of the list, so that a deck changes what it includes. Paths of the list, and relative
// paths in an included deck, begin at the folder of the deck that names them.

#include <filesystem>
#include <vector>

#include "src/app/input/deck_entries.hpp"

namespace recpo::app {

// Throws kUsage naming file and line when a deck is missing, no TOML, or includes itself.
std::vector<DeckEntry> read_deck_file(const std::filesystem::path& path);

}  // namespace recpo::app
