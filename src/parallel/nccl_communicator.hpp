#pragma once
// NCCL along one axis, one GPU a process. Host messages go through MPI, and so does NCCL's id at start-up. Collectives
// run on a stream of their own, ordered after the work on `exec` by an event, and overlap with what is launched on
// `exec` until wait(), which makes `exec` wait for another event; the host never does.
//
// Initialisation is non-blocking. A thread polls NCCL's asynchronous errors (a dead peer, a broken link), aborts the
// communicator so that no kernel waits for ever, and the next call throws kInternal with NCCL's words.
// NCCL chooses its own association of sums: results are equal to those of MPI to rounding, and reproducible on the same
// ranks.

#include <mpi.h>

#include <memory>
#include <string>

#include "src/parallel/communicator.hpp"

namespace recpo::parallel {

bool has_nccl();             // whether the program was built with it
std::string nccl_version();  // "NCCL 2.28.3", or "without NCCL"

// Takes ownership of `communicator`. Collective. kInternal where NCCL does not start.
std::unique_ptr<Communicator> make_nccl_communicator(MPI_Comm communicator);

// Sends `mine` to rank `peer` and fills `theirs` with what it sends, over NCCL; buffers of equal size. Collective over
// the two ranks. False, and nothing done, where `communicator` is not NCCL's.
bool nccl_exchange(Communicator& communicator, const ExecSpace& exec, int peer, Buffer mine, Buffer theirs);

}  // namespace recpo::parallel
