#pragma once
// The program between main and its commands: what is asked for, and its execution with one ending for all ranks.

#include <exception>

#include "src/app/deck.hpp"
#include "src/app/failure.hpp"
#include "src/app/input/command_line.hpp"
#include "src/app/startup.hpp"
#include "src/app/stop.hpp"
#include "src/app/watchdog.hpp"

namespace recpo::app {

// Command line and deck, read before MPI is there. A mistake in them is kept until it can be told once.
struct Request {
  CommandLine line;
  Deck deck;
  StopClock clock{std::nullopt};
  std::exception_ptr mistake;
};
Request read_request(int argc, const char* const* argv);

// --help, --version, --print-deck: answered on standard output, by rank 0, without MPI. False: there is work to do.
bool answered_at_once(const Request& request);

// Runs the command on all ranks.
ExitCode execute(const Request& request, const Runtime& runtime, Watchdog& watchdog);

}  // namespace recpo::app
