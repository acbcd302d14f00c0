#pragma once
// A sweep: a deck whose section [sweep] names decks and axes. Its cells are every deck (the sweep's own where it names
// none) with every combination of the axes' values; a deck that is a sweep itself contributes its cells. A value of an
// axis is a value of a key, or a part of a deck file (deck_entries.hpp); it overrides the deck. Cells with equal
// settings are merged. A cell is an ordinary run in run.dir/cells/NAME; all share the store run.dir/store, so that
// outputs that two of them have in common are computed once. Not collective, and prints nothing.

#include <filesystem>
#include <string>
#include <vector>

#include "src/deck/deck.hpp"

namespace recpo::deck {

struct Cell {
  std::string name;       // "table1_ml-1m_recpo,align.lambda=2": sweep.name or the deck's path, parts, then keys
  Deck deck;              // an ordinary run; run.dir and run.store are the sweep's
  std::size_t group = 0;  // cells of one group share rows and SFT
  std::string identity;   // hash of its settings and stages
};

bool is_sweep(const Deck& deck);

// Cells in the order of decks, then axes, the last axis fastest; `overrides` hold for all of them and run.dir moves the
// sweep. Throws kUsage naming file, line and key when the deck is no sweep, or a cell's deck is not right.
std::vector<Cell> sweep_cells(const std::filesystem::path& deck, const std::vector<std::string>& overrides);

// The cell that a user names by number or name. Throws kUsage when there is none.
const Cell& find_cell(const std::vector<Cell>& cells, const std::string& number_or_name);

// Stages that cells of a group share and one of them has, in the order in which they are done.
std::vector<std::string> shared_stages(const std::vector<Cell>& cells, std::size_t group);

}  // namespace recpo::deck
