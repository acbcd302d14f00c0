#pragma once
// Start-up and shut-down of MPI and Kokkos, in the order that works: see main.cpp.

#include <optional>
#include <string>

#include "src/process/exit_status.hpp"
#include "src/process/watchdog.hpp"

namespace recpo::process {

// This process's rank as its launcher (mpirun, srun) announces it, before MPI is there; 0 without a launcher.
int launcher_rank();

// OpenMP threads that wait spin for a fraction of a millisecond and then sleep. Where a core is shared with anything
// else, spinning on made training of a small model 20 to 100 times slower; sleeping at once made it 5 times slower
// where it is not, by waking up between small kernels. The OpenMP library reads its settings when the loader
// initialises it, before any code of the program, so the program sets them and executes itself again. Does nothing
// where the user has set OMP_WAIT_POLICY or GOMP_SPINCOUNT (as the job scripts do), under a debugger, and with
// RECPO_NO_RESTART=1 (for tools that do not follow an exec); spinning_advice() says then what to set.
void restart_with_brief_spinning(char** argv);

// A line for the log where waiting threads spin for long because the program was not restarted.
std::optional<std::string> spinning_advice();

// The program ends with this code, and has said why.
struct Ended {
  ExitCode code;
};

// MPI and Kokkos, alive as long as this object. Without a launcher there is one rank and MPI stays out of it: its start
// as a single process takes longer than a small run, and fails under a file-size limit. Threads: OMP_NUM_THREADS,
// otherwise the cores this rank may use divided among the ranks that may use them. The ranks of a node watch each other
// as soon as MPI is there. Construction is collective; when Kokkos does not start on any rank, that rank prints why and
// all throw Ended.
class Runtime {
 public:
  Runtime(int& argc, char**& argv, Watchdog& watchdog);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Of a whole program, as the last thing it does.
  ExitCode agree_on_exit(const parallel::Outcome& mine, Watchdog& watchdog) { return endings_->agree(mine, watchdog); }

  bool has_mpi() const { return has_mpi_; }
  int rank() const { return rank_; }
  int size() const { return size_; }
  int threads() const { return threads_; }
  // "2 ranks x 4 threads on 8 cores, Open MPI 4.1.4, OpenBLAS 0.3.21 Haswell"
  std::string description() const;

 private:
  void start_kokkos(int& argc, char**& argv);
  void stop();

  bool has_mpi_ = false;
  std::optional<Endings> endings_;
  int rank_ = 0, size_ = 1, threads_ = 1, cores_ = 1;
};

// The MPI library's own name and version, "Open MPI v4.1.4".
std::string mpi_library();

}  // namespace recpo::process
