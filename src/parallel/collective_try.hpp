#pragma once
// "One rank failed, all must fail alike": the outcome of a piece of work on a rank, and its exchange, after which all
// ranks go on or all throw the same error. Collective over `ranks`.

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "src/parallel/communicator.hpp"
#include "src/support/check.hpp"

namespace recpo::parallel {

struct Outcome {
  ExitCode code = ExitCode::kDone;
  std::string text;  // the work's result, or the error's message

  bool failed() const { return code != ExitCode::kDone; }
};

// Errors carry their code; an error of the file system is kCannotWrite, anything else kInternal.
Outcome outcome_of(std::exception_ptr exception);

// Asked every few milliseconds while a rank waits, asleep, for the others; false gives up.
using KeepWaiting = std::function<bool()>;

// Called likewise where no `keep_waiting` is given: a rank whose neighbour works for long is alive (for a watchdog).
// Without one, ranks wait as in any collective. Of the whole program; empty: none.
void set_waiting_hook(std::function<void()> hook);

// The outcomes of all ranks in rank order; nothing when a rank did not come and `keep_waiting` gave up.
std::optional<std::vector<Outcome>> exchange_outcomes(Communicator& ranks, const Outcome& mine,
                                                      const KeepWaiting& keep_waiting = {});

// Every rank does its `work`; then all return what each returned, in rank order, or all throw the error of the lowest
// rank that failed. `keep_waiting` must not give up.
std::vector<std::string> collective_gather(Communicator& ranks, const std::function<std::string()>& work,
                                           const KeepWaiting& keep_waiting = {});
// The same for work that returns nothing.
void collective_try(Communicator& ranks, const std::function<void()>& work, const KeepWaiting& keep_waiting = {});

}  // namespace recpo::parallel
