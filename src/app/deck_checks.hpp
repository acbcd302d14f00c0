#pragma once
// What must hold between the keys of a deck, and what this version cannot do yet. Needs no files.

#include "src/app/deck.hpp"

namespace recpo::app {

// Throws kUsage naming the keys, where they were written, and what would be right.
void check_deck(const Deck& deck);

}  // namespace recpo::app
