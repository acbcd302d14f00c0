#pragma once
// Exit status of a run: all ranks agree on one exit code, and one of them prints the line that explains it.

#include <optional>

#include "src/parallel/collective_try.hpp"
#include "src/parallel/mpi_communicator.hpp"
#include "src/process/watchdog.hpp"

namespace recpo::process {

// "recpo: error: ..." on standard error, if that can be written; nothing where nothing failed.
void print_failure(const parallel::Outcome& outcome);

// The end of the job, on a communicator of its own: a rank that ends while others are in a collective of theirs must
// not be taken for their partner. Construction, where MPI runs, and destruction are collective over MPI_COMM_WORLD.
class Endings {
 public:
  Endings();

  // Collective where every rank gets here: all return the exit code of the lowest rank that failed, and that rank has
  // printed its line. Where a rank is missing (it works on, or hangs), a rank that failed waits a moment, prints its
  // own line and ends the job with its code: the call takes no longer when anything failed.
  ExitCode agree(const parallel::Outcome& mine, Watchdog& watchdog);

 private:
  std::optional<parallel::MpiCommunicator> ranks_;  // none: this rank is alone
};

}  // namespace recpo::process
