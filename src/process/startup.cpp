#include "src/process/startup.hpp"

#include <sched.h>
#include <unistd.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "kernels/attention.hpp"
#include "kernels/gemm.hpp"
#include "src/support/check.hpp"

namespace recpo::process {
namespace {

std::optional<int> environment_integer(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), value);  // "4,2" gives the outer level, 4
  if (error != std::errc{} || value < 0) return std::nullopt;
  return value;
}

// Launchers of MPI programs tell each process its rank.
std::optional<int> announced_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const auto rank = environment_integer(name)) return rank;
  }
  return std::nullopt;
}

bool spins_for_long() {
  return environment_integer("OMP_NUM_THREADS") != 1 && std::getenv("OMP_WAIT_POLICY") == nullptr &&
         std::getenv("GOMP_SPINCOUNT") == nullptr;
}

// By ptrace: gdb, strace. The line "TracerPid:\t0" of /proc/self/status says no.
bool is_traced() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("TracerPid:")) return line.find_first_of("123456789") != line.npos;
  }
  return false;
}

using CoreMask = std::vector<unsigned char>;  // one byte a core

CoreMask allowed_cores() {
  CoreMask mask(CPU_SETSIZE, 0);
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (std::size_t core = 0; core < mask.size(); ++core) mask[core] = CPU_ISSET(core, &set) ? 1 : 0;
  }
  return mask;
}

int count(const CoreMask& mask) { return std::max(1, static_cast<int>(std::count(mask.begin(), mask.end(), 1))); }

// The ranks of a node, and the cores they may use together.
struct Node {
  int ranks = 1, cores = 1;
};

Node look_at_node(const CoreMask& own, Watchdog& watchdog) {
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  watchdog.join(node);
  Node result;
  MPI_Comm_size(node, &result.ranks);
  CoreMask all(own.size());
  MPI_Allreduce(own.data(), all.data(), static_cast<int>(own.size()), MPI_UNSIGNED_CHAR, MPI_MAX, node);
  MPI_Comm_free(&node);
  result.cores = count(all);
  return result;
}

void start_mpi(int& argc, char**& argv) {
  int provided = 0;
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
    throw_error(ExitCode::kInternal, "MPI does not start");
}

}  // namespace

int launcher_rank() { return announced_rank().value_or(0); }

void restart_with_brief_spinning(char** argv) {
  if (!spins_for_long() || environment_integer("RECPO_NO_RESTART") == 1 || is_traced()) return;
  ::setenv("OMP_WAIT_POLICY", "passive", 1);  // of libraries without the next
  ::setenv("GOMP_SPINCOUNT", "10000", 1);
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);  // by its name, for ps and pkill
  ::execv(program.c_str(), argv);  // where that fails, the run is slower and still right
}

std::optional<std::string> spinning_advice() {
  if (!spins_for_long()) return std::nullopt;
  return "not restarted with short spinning of OpenMP threads (debugger or RECPO_NO_RESTART): where cores are shared, "
         "set OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=10000";
}

Runtime::Runtime(int& argc, char**& argv, Watchdog& watchdog) : has_mpi_(announced_rank().has_value()) {
  const CoreMask own = allowed_cores();
  Node node{1, count(own)};
  if (has_mpi_) {
    watchdog.beat("starting MPI");
    start_mpi(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    node = look_at_node(own, watchdog);
  }
  endings_.emplace();
  cores_ = node.cores;
  threads_ = std::max(1, std::min(count(own), node.cores / node.ranks));
  if (const auto asked = environment_integer("OMP_NUM_THREADS"); asked && *asked > 0) threads_ = *asked;

  watchdog.beat("starting Kokkos");
  parallel::Outcome outcome;
  try {
    start_kokkos(argc, argv);
  } catch (...) {
    outcome = parallel::outcome_of(std::current_exception());
  }
  if (const ExitCode code = agree_on_exit(outcome, watchdog); code != ExitCode::kDone) {
    stop();
    throw Ended{code};
  }
}

void Runtime::start_kokkos(int& argc, char**& argv) {
  // Through the environment, so that --kokkos-* arguments go before. Its warnings are about OMP_PROC_BIND, which is the
  // launcher's business here.
  ::setenv("KOKKOS_NUM_THREADS", std::to_string(threads_).c_str(), 0);
  ::setenv("KOKKOS_DISABLE_WARNINGS", "1", 0);
  Kokkos::initialize(argc, argv);
  threads_ = std::max(1, static_cast<int>(Kokkos::DefaultHostExecutionSpace().concurrency()));
  kernels::initialize_gemm();
}

Runtime::~Runtime() { stop(); }

void Runtime::stop() {
  if (Kokkos::is_initialized()) Kokkos::finalize();
  endings_.reset();
  if (has_mpi_) MPI_Finalize();
}

std::string Runtime::description() const {
  return fmt::format("{} rank{} x {} thread{} on {} core{}, {}, {}, {}", size_, size_ == 1 ? "" : "s", threads_,
                     threads_ == 1 ? "" : "s", cores_, cores_ == 1 ? "" : "s", mpi_library(),
                     kernels::gemm_description(), kernels::attention_description());
}

std::string mpi_library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string name(text, static_cast<std::size_t>(length));
  return name.substr(0, name.find_first_of(",\n"));
}

}  // namespace recpo::process
