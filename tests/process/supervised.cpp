// A program under supervision and nothing else: every rank runs the script of its own argument, one step a word.
//   beat:PHASE  heartbeat     sleep:MS   no heartbeat for so long     work:MS  heartbeats for so long
//   fail:CODE   an error      stop, kill this process gets that signal      wait  for all ranks
//   try:STEP    with the others, each its own STEP, "try:" for none: collective_try
// Prints "rank R done" where it ends well, and returns the agreed exit status.

#include <mpi.h>
#include <signal.h>

#include <chrono>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

#include "src/process/exit_status.hpp"
#include "src/process/watchdog.hpp"

namespace {
using namespace recpo;

void sleep_ms(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

void run_step(const std::string& step, process::Watchdog& watchdog) {
  const std::size_t colon = step.find(':');
  const std::string name = step.substr(0, colon), value = colon == step.npos ? "" : step.substr(colon + 1);
  if (name == "beat") watchdog.beat(value.c_str());
  if (name == "sleep") sleep_ms(std::stoi(value));
  if (name == "fail") throw_error(static_cast<ExitCode>(std::stoi(value)), "as told, with code {}", value);
  if (name == "stop") ::raise(SIGSTOP);
  if (name == "kill") ::raise(SIGKILL);
  if (name == "wait") MPI_Barrier(MPI_COMM_WORLD);
  if (name == "try") {
    parallel::MpiCommunicator world(MPI_COMM_WORLD);
    parallel::collective_try(world, [&] { run_step(value, watchdog); });
  }
  for (int left = name == "work" ? std::stoi(value) : 0; left > 0; left -= 10) {
    watchdog.beat("working");
    sleep_ms(10);
  }
}
}  // namespace

// supervised WATCHDOG_SECONDS SCRIPT_OF_RANK_0 SCRIPT_OF_RANK_1 ...
int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  process::Watchdog watchdog(rank, std::stod(argv[1]));
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  watchdog.join(node);
  MPI_Comm_free(&node);
  parallel::set_waiting_hook([&watchdog] { watchdog.stay_alive(); });
  std::optional<process::Endings> endings(std::in_place);
  parallel::Outcome outcome;
  try {
    std::istringstream script(argv[2 + rank]);
    for (std::string step; script >> step;) run_step(step, watchdog);
    fmt::print("rank {} done\n", rank);
    std::fflush(stdout);
  } catch (...) {
    outcome = parallel::outcome_of(std::current_exception());
  }
  watchdog.beat("ending");
  const ExitCode code = endings->agree(outcome, watchdog);
  endings.reset();
  MPI_Finalize();
  return static_cast<int>(code);
}
