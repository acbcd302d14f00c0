// recpo: from raw rating logs to a preference-aligned language model recommender. The order of the steps matters:
// each one says why.

#include <exception>

#include "src/commands/program.hpp"
#include "src/support/standard_streams.hpp"

int main(int argc, char** argv) {
  using namespace recpo;
  reserve_standard_streams();                  // before any file is opened
  process::restart_with_brief_spinning(argv);  // may start the program again, so nothing else has happened yet

  process::install_signal_handlers();  // before MPI, so that a signal during start-up is not lost
  try {
    const commands::Request request = commands::read_request(argc, argv);
    if (commands::answered_at_once(request)) return 0;
    process::Watchdog watchdog(process::launcher_rank(), request.deck.run.watchdog_seconds);  // MPI's start may hang
    process::Runtime runtime(argc, argv, watchdog);
    return static_cast<int>(commands::execute(request, runtime, watchdog));
  } catch (const process::Ended& end) {
    return static_cast<int>(end.code);
  } catch (...) {  // an answer cannot be written; MPI does not start
    const parallel::Outcome outcome = parallel::outcome_of(std::current_exception());
    process::print_failure(outcome);
    return static_cast<int>(outcome.code);
  }
}
