#include "src/app/watchdog.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "src/app/stop.hpp"
#include "src/app/verdict.hpp"
#include "src/support/check.hpp"

namespace recpo::app {
namespace {

constexpr int kPollMs = 50;
// A longer pause of this thread means that the whole process was stopped, by a batch system for instance. The others
// of the job then were too, and have this long to say so on the board.
constexpr std::int64_t kStoppedMs = 1000;
// Ranks of other nodes that wait for the hung one come to their own limits soon after it. Where a node's culprit may
// only be waiting too, it leaves the nodes before it this long to speak first, so that the line appears once.
constexpr std::int64_t kTurnMs = 250;
constexpr int kMostTurns = 20;
// A launcher that ends a job sends SIGCONT at once, then SIGTERM, then SIGKILL, with a second between them (Open MPI).
// A process that vanishes at the third says nothing about the cause; one that has vanished before the first is the
// cause. Who lives on after the second time was only continued, or asked to stop.
constexpr std::int64_t kBeforeKillMs = 800, kAfterKillMs = 5000;
// The launcher ends the job when the rank that spoke has left. Where it does not, the others leave after this time.
constexpr std::int64_t kLauncherMs = 2000;

}  // namespace

Watchdog::Watchdog(int rank, double limit_seconds) : board_(rank), limit_ms_(limit_seconds * 1000) {
  thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  stop_ = true;
  thread_.join();
  board_.end();
}

void Watchdog::join(MPI_Comm node) {
  int rank = 0, size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  board_.share(node, rank);
  const std::span<const Slot> seen = board_.slots();
  const bool sees_all = seen.size() == static_cast<std::size_t>(size);
  turn_ms_ = sees_all ? 0 : (1 + std::min(seen.front().rank.load(), kMostTurns)) * kTurnMs;
}

void Watchdog::watch() {
  for (std::int64_t last_look = now_ms(); !stop_;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
    const std::int64_t now = now_ms();
    if (now - last_look > kStoppedMs) {
      board_.forgive(now - last_look);
      no_verdict_until_ = now + kStoppedMs;
    }
    last_look = now;
    if (!stop_) look(now);
  }
}

void Watchdog::look(std::int64_t now) {
  if (const int exit_code = board_.last_word(); exit_code != 0) {
    if (last_word_heard_ == 0) last_word_heard_ = now;
    if (now - last_word_heard_ > kLauncherMs) ::_exit(exit_code);
    return;
  }
  const std::int64_t since_signal = ms_since_launcher_signal().value_or(kAfterKillMs);
  const bool may_be_killed = since_signal < kAfterKillMs;
  if (!may_be_killed || since_signal < kBeforeKillMs) {
    if (const auto verdict = find_dead_rank(board_.slots(), board_.own_index())) speak_and_leave(*verdict, now);
  }
  if (may_be_killed || now < no_verdict_until_) return;
  const auto verdict = find_hanging_rank(board_.slots(), now, limit_ms_);
  if (verdict && is_my_turn(*verdict, now)) speak_and_leave(*verdict, now);
}

bool Watchdog::is_my_turn(const Verdict& verdict, std::int64_t now) const {
  const bool is_certain = is_stopped(verdict.state) || verdict.state == 'D';
  const auto late_ms = static_cast<double>(now - verdict.culprit->last_beat_ms) - limit_ms_;
  return is_certain || late_ms > static_cast<double>(turn_ms_);
}

void Watchdog::speak_and_leave(const Verdict& verdict, std::int64_t now) {
  const auto exit_code = static_cast<int>(verdict.has_died ? ExitCode::kInternal : ExitCode::kWatchdog);
  if (!board_.claim_last_word(exit_code)) return;
  VerdictLine line;
  const std::size_t length = write_line(verdict, now, line);
  board_.end();
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line, length);  // without a reader, the code is left
  ::_exit(exit_code);
}

}  // namespace recpo::app
