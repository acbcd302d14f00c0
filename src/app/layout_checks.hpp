#pragma once
// Whether the deck's model and batches can be cut for the ranks that were started: told at once, before any work.

#include "src/app/deck.hpp"
#include "src/parallel/communicator.hpp"

namespace recpo::app {

// For commands that train (`run` with its stages, sft, align) or evaluate the deck's model. Throws kUsage on every
// rank: tp that does not divide the model's heads or feed-forward size, a global batch smaller than the data-parallel
// ranks.
void check_layout(const std::string& command, const Deck& deck, const parallel::ProcessGrid& grid);

}  // namespace recpo::app
