#include <mpi.h>

#include "src/parallel/communicator.hpp"
#include "src/parallel/mpi_communicator.hpp"
#include "src/parallel/nccl_communicator.hpp"
#include "src/support/check.hpp"

namespace recpo::parallel {
namespace {
bool mpi_is_running() {
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized && !finalized;
}

std::unique_ptr<Communicator> make(Backend backend, MPI_Comm part) {
  const bool nccl = backend == Backend::kNccl || (backend == Backend::kAuto && !kOnHost && has_nccl());
  return nccl ? make_nccl_communicator(part) : std::make_unique<MpiCommunicator>(part);
}

// Collective over the world; nothing for ranks that do not take part.
std::unique_ptr<Communicator> split_world(Backend backend, bool takes_part, int color, int key) {
  MPI_Comm part = MPI_COMM_NULL;
  const int status = MPI_Comm_split(MPI_COMM_WORLD, takes_part ? color : MPI_UNDEFINED, key, &part);
  RECPO_REQUIRE(status == MPI_SUCCESS);
  return part == MPI_COMM_NULL ? nullptr : make(backend, part);
}
}  // namespace

ProcessGrid make_process_grid(Backend backend, int tp, int ranks) {
  int rank = 0, world = 1;
  if (mpi_is_running()) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &world);
  }
  const int size = ranks > 0 ? ranks : world;
  RECPO_REQUIRE(size <= world);
  if (backend == Backend::kSerial && size > 1) {
    throw_usage("parallel.backend = \"serial\" cannot run {} ranks: use \"auto\" or \"mpi\", or start one rank", size);
  }
  if (backend == Backend::kNccl && !has_nccl()) {
    throw_usage("parallel.backend = \"nccl\": this program was built without NCCL; use \"auto\" or \"mpi\"");
  }
  if (tp < 1 || size % tp != 0) {
    throw_usage("parallel.tp = {} does not divide the {} ranks: start a multiple of tp ranks", tp, size);
  }
  if (world == 1) {
    return {std::make_unique<SerialCommunicator>(), std::make_unique<SerialCommunicator>(),
            std::make_unique<SerialCommunicator>()};
  }
  const bool takes_part = rank < size;
  return {split_world(backend, takes_part, 0, rank), split_world(backend, takes_part, rank % tp, rank),
          split_world(backend, takes_part, rank / tp, rank)};
}

}  // namespace recpo::parallel
