#pragma once
// Watchdog thread: ends a job in which a rank hangs or has died, with one line that names the rank and its phase. Runs
// in every rank from before MPI starts, and reads the node's heartbeat table: after `limit_seconds` without a heartbeat
// of some rank it ends the job with kWatchdog; a rank whose process is gone ends it with kInternal (a launcher reports
// the signal that killed the rank instead). One rank of the node reports, the others exit silently. No lock and no
// memory is taken then: the hung thread may hold any.

#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>

#include "src/process/heartbeat_table.hpp"

namespace recpo::process {

struct RankFailure;

class Watchdog {
 public:
  Watchdog(int rank, double limit_seconds);  // starts the thread
  ~Watchdog();                               // this rank leaves in order
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Collective over MPI_COMM_WORLD: from now on the ranks of a node, which `node` holds, watch each other.
  void join(MPI_Comm node);

  // This rank makes progress, or begins another phase. The text is copied, see HeartbeatTable::beat.
  void beat(const char* phase) { table_.beat(phase); }

  // This rank waits for others, which make progress or are named; its phase stays.
  void stay_alive() { table_.stay_alive(); }

  // This rank is about to end the job itself with a line of its own and this code. False: another rank of the node
  // has reported, and this one must not.
  bool claim_reporter(int exit_code) { return table_.claim_reporter(exit_code); }
  // From here on it is in order that this rank's process ends.
  void leave() { table_.end(); }

 private:
  void watch();
  void look(std::int64_t now);
  bool is_my_turn(const RankFailure& failure, std::int64_t now) const;
  void report_and_exit(const RankFailure& failure, std::int64_t now);

  HeartbeatTable table_;
  double limit_ms_;
  std::atomic<std::int64_t> turn_ms_ = 0;  // what this node waits before it names a rank that may only be waiting
  std::int64_t no_failure_until_ = 0, reporter_seen_at_ = 0;  // the thread's own
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Diagnosis of a heartbeat table: the rank that died or hangs, and the line that names it. No lock, no allocation.

struct RankFailure {
  bool has_died;
  const HeartbeatEntry* culprit;
  char state;  // of the culprit's process
};

// A rank whose process has ended although it did not say that it leaves. Rank `looking` (an index of `entries`) looks
// at the ranks that follow it, so that many ranks on a node are no work: each is looked at by several.
std::optional<RankFailure> find_dead_rank(std::span<const HeartbeatEntry> entries, std::size_t looking);

// When any rank that is there has made no progress for more than `limit_ms`: of those that are stopped, or else of all,
// the one whose last heartbeat is the earliest. The others wait for it, and have come as far as to do so.
std::optional<RankFailure> find_hanging_rank(std::span<const HeartbeatEntry> entries, std::int64_t now_ms,
                                             double limit_ms);

// "recpo: error: rank 2 hangs: ..." with a line feed; returns its length.
using FailureLine = char[384];
std::size_t write_line(const RankFailure& failure, std::int64_t now_ms, FailureLine& line);

}  // namespace recpo::process
