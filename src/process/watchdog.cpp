#include "src/process/watchdog.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "src/process/stop.hpp"
#include "src/support/check.hpp"

namespace recpo::process {
namespace {

constexpr int kPollMs = 50;
// A longer pause of this thread means that the whole process was stopped, by a batch system for instance. The others
// of the job then were too, and have this long to say so on the table.
constexpr std::int64_t kStoppedMs = 1000;
// Ranks of other nodes that wait for the hung one come to their own limits soon after it. Where a node's culprit may
// only be waiting too, it leaves the nodes before it this long to report first, so that the line appears once.
constexpr std::int64_t kTurnMs = 250;
constexpr int kMaxNodeTurns = 20;
// A launcher that ends a job sends SIGCONT at once, then SIGTERM, then SIGKILL, with a second between them (Open MPI).
// A process that vanishes at the third says nothing about the cause; one that has vanished before the first is the
// cause. A process alive after the second time was only continued, or asked to stop.
constexpr std::int64_t kBeforeKillMs = 800, kAfterKillMs = 5000;
// The launcher ends the job when the reporting rank has left. Where it does not, the others leave after this time.
constexpr std::int64_t kLauncherMs = 2000;

}  // namespace

Watchdog::Watchdog(int rank, double limit_seconds) : table_(rank), limit_ms_(limit_seconds * 1000) {
  thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  stop_ = true;
  thread_.join();
  table_.end();
}

void Watchdog::join(MPI_Comm node) {
  int rank = 0, size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  table_.share(node, rank);
  const std::span<const HeartbeatEntry> seen = table_.entries();
  const bool sees_all = seen.size() == static_cast<std::size_t>(size);
  turn_ms_ = sees_all ? 0 : (1 + std::min(seen.front().rank.load(), kMaxNodeTurns)) * kTurnMs;
}

void Watchdog::watch() {
  for (std::int64_t last_look = now_ms(); !stop_;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
    const std::int64_t now = now_ms();
    if (now - last_look > kStoppedMs) {
      table_.forgive(now - last_look);
      no_failure_until_ = now + kStoppedMs;
    }
    last_look = now;
    if (!stop_) look(now);
  }
}

void Watchdog::look(std::int64_t now) {
  if (const int exit_code = table_.reporter_exit_code(); exit_code != 0) {
    if (reporter_seen_at_ == 0) reporter_seen_at_ = now;
    if (now - reporter_seen_at_ > kLauncherMs) ::_exit(exit_code);
    return;
  }
  const std::int64_t since_signal = ms_since_launcher_signal().value_or(kAfterKillMs);
  const bool may_be_killed = since_signal < kAfterKillMs;
  if (!may_be_killed || since_signal < kBeforeKillMs) {
    if (const auto failure = find_dead_rank(table_.entries(), table_.own_index())) report_and_exit(*failure, now);
  }
  if (may_be_killed || now < no_failure_until_) return;
  const auto failure = find_hanging_rank(table_.entries(), now, limit_ms_);
  if (failure && is_my_turn(*failure, now)) report_and_exit(*failure, now);
}

bool Watchdog::is_my_turn(const RankFailure& failure, std::int64_t now) const {
  const bool is_certain = is_stopped(failure.state) || failure.state == 'D';
  const auto late_ms = static_cast<double>(now - failure.culprit->last_beat_ms) - limit_ms_;
  return is_certain || late_ms > static_cast<double>(turn_ms_);
}

void Watchdog::report_and_exit(const RankFailure& failure, std::int64_t now) {
  const auto exit_code = static_cast<int>(failure.has_died ? ExitCode::kInternal : ExitCode::kWatchdog);
  if (!table_.claim_reporter(exit_code)) return;
  FailureLine line;
  const std::size_t length = write_line(failure, now, line);
  table_.end();
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line, length);  // without a reader, the code is left
  ::_exit(exit_code);
}

namespace {
constexpr std::size_t kLookedAt = 8;
}

std::optional<RankFailure> find_dead_rank(std::span<const HeartbeatEntry> entries, std::size_t looking) {
  const std::size_t count = std::min(kLookedAt, entries.size() - 1);
  for (std::size_t i = 1; i <= count; ++i) {
    const HeartbeatEntry& entry = entries[(looking + i) % entries.size()];
    const char state = entry.is_ending ? kUnknown : process_state(entry.identity());
    // Its process may have marked the entry as its last act, after the first look.
    if (has_ended(state) && !entry.is_ending) return RankFailure{true, &entry, state};
  }
  return std::nullopt;
}

std::optional<RankFailure> find_hanging_rank(std::span<const HeartbeatEntry> entries, std::int64_t now_ms,
                                             double limit_ms) {
  const auto is_late = [&](const HeartbeatEntry& entry) {
    return static_cast<double>(now_ms - entry.last_beat_ms) > limit_ms;
  };
  if (std::none_of(entries.begin(), entries.end(), is_late)) return std::nullopt;
  std::optional<RankFailure> earliest;
  bool any_late = false;  // of those that are there: a rank that has left in order keeps its last heartbeat
  for (const HeartbeatEntry& entry : entries) {
    const char state = process_state(entry.identity());
    if (has_ended(state)) continue;
    any_late = any_late || is_late(entry);
    const bool goes_before =
        !earliest || is_stopped(state) > is_stopped(earliest->state) ||
        (is_stopped(state) == is_stopped(earliest->state) && entry.last_beat_ms < earliest->culprit->last_beat_ms);
    if (goes_before) earliest = RankFailure{false, &entry, state};
  }
  return any_late ? earliest : std::nullopt;
}

std::size_t write_line(const RankFailure& failure, std::int64_t now_ms, FailureLine& line) {
  const HeartbeatEntry& entry = *failure.culprit;
  char phase[HeartbeatEntry::kPhaseLength];
  entry.copy_phase(phase);
  int length = 0;
  if (failure.has_died) {
    length = std::snprintf(line, sizeof line,
                           "recpo: error: rank %d died in phase '%s' (killed? out of memory?): start the same command "
                           "again to continue from the newest checkpoint\n",
                           entry.rank.load(), phase);
  } else {
    const double seconds = static_cast<double>(now_ms - entry.last_beat_ms) / 1000;
    length = std::snprintf(line, sizeof line,
                           "recpo: error: rank %d hangs: no progress for %.0f s in phase '%s' (run.watchdog_seconds); "
                           "%s\n",
                           entry.rank.load(), seconds, phase, state_text(failure.state));
  }
  return std::min(static_cast<std::size_t>(std::max(length, 0)), sizeof line - 1);
}

}  // namespace recpo::process
