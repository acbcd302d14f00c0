// recpo: from raw rating logs to a preference-aligned language model recommender. The order of the steps matters:
// each one says why.

#include <hdf5.h>

#include <exception>

#include "src/app/program.hpp"

int main(int argc, char** argv) {
  using namespace recpo;
  H5dont_atexit();  // before any other call of HDF5: its exit handler crashes after a full disk

  app::restart_with_brief_spinning(argv);  // may start the program again, so nothing else has happened yet

  app::install_signal_handlers();  // before MPI, so that a signal during start-up is not lost
  try {
    const app::Request request = app::read_request(argc, argv);
    if (app::answered_at_once(request)) return 0;
    app::Watchdog watchdog(app::launcher_rank(), request.deck.run.watchdog_seconds);  // MPI's start may hang
    const app::Runtime runtime(argc, argv, watchdog);
    return static_cast<int>(app::execute(request, runtime, watchdog));
  } catch (...) {  // MPI or Kokkos do not start
    const app::Ending ending = app::describe(std::current_exception());
    app::print_ending(ending);
    return static_cast<int>(ending.code);
  }
}
