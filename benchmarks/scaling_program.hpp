#pragma once
// What the scaling programs share: the start and end of an MPI program, ranks that wait without burning a core, the
// numbers of ranks to measure, and the file of figures.

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "src/parallel/bandwidth_probe.hpp"
#include "src/process/exit_status.hpp"
#include "src/process/startup.hpp"
#include "src/process/watchdog.hpp"
#include "src/support/check.hpp"
#include "src/support/version.hpp"
#include "src/support/views.hpp"

namespace recpo::bench {

constexpr double kWatchdogSeconds = 1800;

struct Program {
  const process::Runtime& runtime;
  process::Watchdog& watchdog;
  bool prints() const { return runtime.rank() == 0; }
};

// Collective over all ranks: whether all did well. Sleeps while it waits, because on a small machine the cores belong
// to the ranks that are measured. A rank that failed waits for a moment only: others may hang in a collective without
// it.
inline bool all_did_well(const Program& program, bool well) {
  if (!program.runtime.has_mpi()) return well;
  int failed = well ? 0 : 1, any = failed, done = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallreduce(&failed, &any, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD, &request);
  const auto start = std::chrono::steady_clock::now();
  while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done) {
    if (!well && std::chrono::steady_clock::now() - start > std::chrono::seconds(5)) return false;
    program.watchdog.beat("waiting for the ranks that are measured");
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return any == 0;
}

// Collective over all ranks: each does its part, which may be none, and waits for the others. Throws what this rank's
// part threw; false where another rank's did.
template <class Part>
bool together(const Program& program, const Part& part) {
  std::exception_ptr mistake;
  try {
    part();
  } catch (...) {
    mistake = std::current_exception();
  }
  const bool well = all_did_well(program, !mistake);
  if (mistake) std::rethrow_exception(mistake);
  return well;
}

// Collective over all ranks.
inline void print_bandwidth(const Program& program) {
  const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, 1);
  const parallel::BandwidthMatrix matrix = parallel::measure_bandwidth(*grid.world, 1.0);
  if (program.prints()) fmt::print("exchange of 2 MiB by pair of ranks, each way at once\n{}", to_table(matrix));
}

// 1, 2, 4, .. and `most`, from `from` on.
inline std::vector<int> rank_counts(int from, int most) {
  std::vector<int> counts;
  for (int ranks = 1; ranks < most; ranks *= 2) {
    if (ranks >= from) counts.push_back(ranks);
  }
  counts.push_back(most);
  return counts;
}

// Lines of a CSV file, each on the disk as soon as it is there: a job that runs out of time keeps what it measured.
// Without a name, nothing.
class CsvFile {
 public:
  CsvFile(const std::string& name, const std::string& header) : name_(name) {
    if (name.empty()) return;
    file_.reset(std::fopen(name.c_str(), "w"));
    if (!file_) throw_write("{}: cannot be written; choose another --csv", name);
    line(header);
  }
  void line(const std::string& text) {
    if (!file_) return;
    if (std::fputs((text + "\n").c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0) {
      throw_write("{}: cannot be written: no space left?", name_);
    }
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string name_;
  std::unique_ptr<std::FILE, Close> file_;
};

// The main: `measure(options, program)` on every rank. A mistake in the command line is told after the start of MPI, so
// that no launcher ends rank 0 before it has spoken.
template <class Options, class Measure>
int run_program(int argc, char** argv, std::optional<Options> (*parse)(int, const char* const*),
                const Measure& measure) {
  process::restart_with_brief_spinning(argv);
  try {
    std::optional<Options> options;
    std::exception_ptr mistake;
    try {
      options = parse(argc, argv);
      if (!options) return 0;
    } catch (...) {
      mistake = std::current_exception();
    }
    process::Watchdog watchdog(process::launcher_rank(), kWatchdogSeconds);
    process::Runtime runtime(argc, argv, watchdog);
    parallel::Outcome outcome;
    try {
      if (mistake) std::rethrow_exception(mistake);
      const Program program{runtime, watchdog};
      if (program.prints()) {
        fmt::print("recpo {} ({})\n{}, {}\n", program_version(), git_description(), runtime.description(),
                   ExecSpace::name());
      }
      measure(*options, program);
    } catch (...) {
      outcome = parallel::outcome_of(std::current_exception());
    }
    return static_cast<int>(runtime.agree_on_exit(outcome, watchdog));
  } catch (const process::Ended& end) {
    return static_cast<int>(end.code);
  } catch (...) {  // MPI does not start
    const parallel::Outcome outcome = parallel::outcome_of(std::current_exception());
    process::print_failure(outcome);
    return static_cast<int>(outcome.code);
  }
}

}  // namespace recpo::bench
