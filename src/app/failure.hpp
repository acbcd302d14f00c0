#pragma once
// How a run ends: an exception becomes an exit code and one line, and all ranks agree on both.

#include <exception>
#include <string>

#include "src/app/watchdog.hpp"
#include "src/support/check.hpp"

namespace recpo::app {

struct Ending {
  ExitCode code = ExitCode::kDone;
  std::string message;  // one line; empty when done
};

// Errors carry their code; anything else is kInternal.
Ending describe(std::exception_ptr exception);

// "recpo: error: ..." on standard error.
void print_ending(const Ending& ending);

// Collective over MPI_COMM_WORLD where every rank gets here: all return the ending of the lowest rank that failed, and
// that rank has printed its line. Where a rank is missing (it works on, or hangs), a rank that failed waits a moment,
// prints its own line and ends the job with its code. Does not hang longer than that when anything failed.
ExitCode agree_on_ending(const Ending& mine, Watchdog& watchdog);

}  // namespace recpo::app
