#pragma once
// Work on files by several ranks that must not part ways over an error.

#include <functional>
#include <string>
#include <vector>

#include "src/parallel/communicator.hpp"

namespace recpo::checkpoint {

// Every rank does its `work`; then all return what each returned, in rank order, or all throw the error of the lowest
// rank that failed (file system errors as kCannotWrite). Collective over `ranks`.
std::vector<std::string> gather_together(parallel::Communicator& ranks, const std::function<std::string()>& work);
// The same for work that returns nothing.
void do_together(parallel::Communicator& ranks, const std::function<void()>& work);

}  // namespace recpo::checkpoint
