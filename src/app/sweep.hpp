#pragma once
// A sweep: a deck whose section [sweep] names decks and axes. Its cells are every deck (the sweep's own where it names
// none) with every combination of the axes' values; a deck that is a sweep itself brings its cells. Cells with equal
// settings are one. A cell is an ordinary run in run.dir/cells/NAME; all share the store run.dir/store, so that what
// two of them would make alike is made once. Not collective, and prints nothing.

#include <filesystem>
#include <string>
#include <vector>

#include "src/app/deck.hpp"

namespace recpo::app {

struct Cell {
  std::string name;       // "ml-1m_recpo,align.lambda=2,run.seed=1": decks by path, axes in their order
  Deck deck;              // run.dir and run.store are the sweep's
  std::size_t group = 0;  // cells of one group share rows and SFT
  std::string identity;   // hash of its settings and stages
};

bool is_sweep(const Deck& deck);

// Cells in the order of decks, then axes, the last axis fastest; `overrides` hold for all of them and run.dir moves the
// sweep. Throws kUsage naming file, line and key when the deck is no sweep, or a cell's deck is not right.
std::vector<Cell> sweep_cells(const std::filesystem::path& deck, const std::vector<std::string>& overrides);

// Stages that cells of a group share and one of them asks for, in the order in which they are done.
std::vector<std::string> shared_stages(const std::vector<Cell>& cells, std::size_t group);

}  // namespace recpo::app
