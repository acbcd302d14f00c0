#include <mpi.h>

#include "src/parallel/communicator.hpp"
#include "src/parallel/mpi_communicator.hpp"
#include "src/parallel/serial_communicator.hpp"
#include "src/support/check.hpp"

namespace recpo::parallel {
namespace {
bool mpi_is_running() {
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized && !finalized;
}

std::unique_ptr<Communicator> split_world(int color, int key) {
  MPI_Comm part = MPI_COMM_NULL;
  RECPO_REQUIRE(MPI_Comm_split(MPI_COMM_WORLD, color, key, &part) == MPI_SUCCESS);
  return std::make_unique<MpiCommunicator>(part);
}
}  // namespace

ProcessGrid make_process_grid(const std::string& backend, int tp) {
  int rank = 0, size = 1;
  if (mpi_is_running()) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
  }
  if (backend == "serial" && size > 1) {
    throw_usage("parallel.backend = \"serial\" cannot run {} ranks: use \"auto\" or \"mpi\", or start one rank", size);
  }
  if (tp < 1 || size % tp != 0) {
    throw_usage("parallel.tp = {} does not divide the {} ranks: start a multiple of tp ranks", tp, size);
  }
  if (size == 1) {
    return {std::make_unique<SerialCommunicator>(), std::make_unique<SerialCommunicator>(),
            std::make_unique<SerialCommunicator>()};
  }
  return {split_world(0, rank), split_world(rank % tp, rank), split_world(rank / tp, rank)};
}

}  // namespace recpo::parallel
