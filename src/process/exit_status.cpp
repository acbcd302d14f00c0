#include "src/process/exit_status.hpp"

#include <algorithm>
#include <chrono>

#include "src/support/standard_streams.hpp"

namespace recpo::process {
namespace {
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A failed rank waits this long for the others, and this much longer for each rank before it: where several fail but
// not all, the lowest reports.
constexpr milliseconds kPatience{1500}, kTurn{250};
constexpr int kMaxTurns = 20;
constexpr milliseconds kFlush{200};  // for the launcher to read the line before the job is torn down

}  // namespace

void print_failure(const parallel::Outcome& outcome) {
  if (!outcome.failed()) return;
  std::string line = outcome.text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  write_message(
      fmt::format("recpo: {}: {}\n", outcome.code == ExitCode::kStopped ? "stopped" : "error", printable(line)));
}

Endings::Endings() {
  int has_mpi = 0;
  MPI_Initialized(&has_mpi);
  if (!has_mpi) return;
  MPI_Comm ranks = MPI_COMM_NULL;
  parallel::require_success(MPI_Comm_dup(MPI_COMM_WORLD, &ranks));
  ranks_.emplace(ranks);
}

ExitCode Endings::agree(const parallel::Outcome& mine, Watchdog& watchdog) {
  if (!ranks_) {
    print_failure(mine);
    return mine.code;
  }
  const auto deadline = Clock::now() + kPatience + std::min(ranks_->rank(), kMaxTurns) * kTurn;
  const auto keep_waiting = [&] {
    watchdog.beat("waiting for the others to end");
    return !mine.failed() || Clock::now() <= deadline;
  };
  const auto outcomes = parallel::exchange_outcomes(*ranks_, mine, keep_waiting);
  if (!outcomes) {
    const int code = static_cast<int>(mine.code);
    if (watchdog.claim_reporter(code)) print_failure(mine);
    std::this_thread::sleep_for(kFlush);
    watchdog.leave();
    MPI_Abort(MPI_COMM_WORLD, code);
  }
  const auto first = std::ranges::find_if(*outcomes, &parallel::Outcome::failed);
  if (first == outcomes->end()) return ExitCode::kDone;
  if (first - outcomes->begin() == ranks_->rank()) print_failure(mine);
  ranks_->barrier();  // until the line is written: a launcher kills the other ranks at the first exit
  return first->code;
}

}  // namespace recpo::process
