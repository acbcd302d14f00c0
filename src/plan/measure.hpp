#pragma once
// The machine the program runs on as a node of its own ranks. Memory and cores are the host's, divided among the ranks.

#include <string>

#include "src/parallel/communicator.hpp"
#include "src/plan/node.hpp"

namespace recpo::plan {

// Whether it can be measured: a GPU's memory and links cannot be asked portably, so GPUs want a file.
bool node_can_be_measured();

// Collective over the world; takes about half a second: the rate of a large product, of a copy, and of an all-reduce
// where there are several ranks. precision = fp32 | bf16. Throws kUsage where it cannot be measured.
Node measured_node(const parallel::ProcessGrid& grid, const std::string& precision);

}  // namespace recpo::plan
