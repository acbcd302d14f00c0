#pragma once
// The program: parses the request, runs the command on all ranks, agrees on one exit status.

#include <exception>

#include "src/commands/command_line.hpp"
#include "src/deck/deck.hpp"
#include "src/parallel/communicator.hpp"
#include "src/process/exit_status.hpp"
#include "src/process/startup.hpp"
#include "src/process/stop.hpp"
#include "src/process/watchdog.hpp"

namespace recpo::commands {

// Command line and deck, parsed before MPI_Init; a usage error is kept and reported once.
struct Request {
  CommandLine line;
  deck::Deck deck;
  process::StopClock clock{std::nullopt};
  std::string answer;  // to --help, --version, --print-deck, --print-reference, sweep --list: all that is asked for
  std::exception_ptr mistake;
};
Request read_request(int argc, const char* const* argv);

// The deck of `recpo` alone, changed by overrides: a pipeline on synthetic data that needs no files. Its run folder is
// runs/tiny in the current folder, or in the folder for temporary files where the current one cannot be written.
deck::Deck builtin_deck(const std::vector<std::string>& overrides);

// Prints the request's answer on standard output, by rank 0, without MPI. False: there is work to do. Throws
// kCannotWrite.
bool answered_at_once(const Request& request);

// Runs the command on all ranks.
ExitCode execute(const Request& request, process::Runtime& runtime, process::Watchdog& watchdog);

// Whether the deck's model and batches can be sharded over the ranks that were started, before any work. For commands
// that train (`run` with its stages, sft, align) or evaluate the deck's model. Throws kUsage on every rank: tp that
// does not divide the model's heads or feed-forward size, a global batch smaller than the data-parallel ranks.
void check_layout(CommandName command, const deck::Deck& deck, const parallel::ProcessGrid& grid);

}  // namespace recpo::commands
