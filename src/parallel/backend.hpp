#pragma once
// Which library carries the collectives of a process grid (communicator.hpp).

#include "src/support/enum_names.hpp"

namespace recpo::parallel {

// kAuto: NCCL where the program has it and runs on GPUs, MPI when started with more than one rank, otherwise serial.
enum class Backend : std::uint8_t { kAuto, kSerial, kMpi, kNccl };
constexpr auto names_of(Backend) { return std::array{"auto", "serial", "mpi", "nccl"}; }

}  // namespace recpo::parallel
