#pragma once
// The machine the program runs on as a node of its own ranks. Memory and cores are the host's, divided among the ranks.

#include "src/parallel/communicator.hpp"
#include "src/plan/node.hpp"

namespace recpo::plan {

// Collective over the world; takes about half a second: the rate of a large product, of a copy, and of an all-reduce
// where there are several ranks. For programs that compute on the host; throws kUsage on a GPU, which wants a file.
Node measured_node(const parallel::ProcessGrid& grid);

}  // namespace recpo::plan
