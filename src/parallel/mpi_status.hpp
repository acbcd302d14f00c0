#pragma once
// What MPI's functions return. Its default handler ends the program before they return an error.

#include <mpi.h>

#include "src/support/check.hpp"

namespace recpo::parallel {

inline void require_success(int status) { RECPO_REQUIRE(status == MPI_SUCCESS); }

}  // namespace recpo::parallel
