#pragma once
// What `recpo --version` says about the build: fixed when the program is compiled, no call fails. Only the program
// links it (target recpo_version), because it changes with every commit. Versions that are known at run time only
// (the MPI library, the BLAS kernel in use) are asked for where these libraries are used.

namespace recpo {

const char* program_version();      // "0.1.0"
const char* git_description();      // "v0.1.0-12-g1a2b3c4", "-dirty" when files differ, "unknown" outside a checkout
const char* build_description();    // "Release, GNU 12.2.0"
const char* library_description();  // "Kokkos 4.7.0 (OPENMP;SERIAL), MPI 3.1, HDF5 1.10.8"

}  // namespace recpo
