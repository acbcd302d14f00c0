#include "src/app/failure.hpp"

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <new>
#include <thread>
#include <vector>

namespace recpo::app {
namespace {
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A failed rank waits this long for the others, and this much longer for each rank before it: where several fail but
// not all, the first speaks.
constexpr milliseconds kPatience{1500}, kTurn{250};
constexpr int kMostTurns = 20;
constexpr milliseconds kPoll{2};
constexpr milliseconds kFlush{200};  // for the launcher to read the line before the job is torn down

bool completes_within(MPI_Request& request, bool patient, milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  for (int done = 0;;) {
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) return true;
    if (!patient && Clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace

Ending describe(std::exception_ptr exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {ExitCode::kInternal,
            "out of memory: lower micro_batch_tokens or evaluate.batch_tokens, or take a smaller model"};
  } catch (const std::exception& error) {
    return {ExitCode::kInternal, fmt::format("internal error: {}", error.what())};
  } catch (...) {
    return {ExitCode::kInternal, "internal error: unknown exception"};
  }
}

void print_ending(const Ending& ending) {
  if (ending.code == ExitCode::kDone) return;
  std::string line = ending.message;
  std::replace(line.begin(), line.end(), '\n', ' ');
  fmt::print(stderr, "recpo: {}: {}\n", ending.code == ExitCode::kStopped ? "stopped" : "error", line);
  std::fflush(stderr);
}

ExitCode agree_on_ending(const Ending& mine, Watchdog& watchdog) {
  int rank = 0, size = 1, has_mpi = 0;
  MPI_Initialized(&has_mpi);
  if (!has_mpi) {
    print_ending(mine);
    return mine.code;
  }
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const int code = static_cast<int>(mine.code);
  std::vector<int> codes(static_cast<std::size_t>(size));
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallgather(&code, 1, MPI_INT, codes.data(), 1, MPI_INT, MPI_COMM_WORLD, &request);
  const bool done = mine.code == ExitCode::kDone;
  if (!completes_within(request, done, kPatience + std::min(rank, kMostTurns) * kTurn)) {
    if (watchdog.claim_last_word(code)) print_ending(mine);
    std::this_thread::sleep_for(kFlush);
    watchdog.leave();
    MPI_Abort(MPI_COMM_WORLD, code);
  }
  const auto first = std::find_if(codes.begin(), codes.end(), [](int c) { return c != 0; });
  if (first == codes.end()) return ExitCode::kDone;
  if (first - codes.begin() == rank) print_ending(mine);
  MPI_Barrier(MPI_COMM_WORLD);  // nobody leaves before the line is written: a launcher kills the rest at the first exit
  return static_cast<ExitCode>(*first);
}

}  // namespace recpo::app
