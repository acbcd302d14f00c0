#pragma once
// Ends a job in which a rank hangs or has died, with one line that names the rank and its phase. A thread in every
// rank, started before MPI, looks at the board of the node: after `limit_seconds` without a heartbeat of some rank it
// ends the job with kWatchdog; a rank whose process is gone ends it with kInternal (a launcher reports the signal that
// killed the rank instead). One rank of the node speaks; the others leave in silence. No lock and no memory is taken
// then: the hung thread may hold any.

#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "src/app/board.hpp"

namespace recpo::app {

struct Verdict;

class Watchdog {
 public:
  Watchdog(int rank, double limit_seconds);  // starts the thread
  ~Watchdog();                               // this rank leaves in order
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Collective over MPI_COMM_WORLD: from now on the ranks of a node, which `node` holds, watch each other.
  void join(MPI_Comm node);

  // This rank makes progress, or begins another phase. The text is copied, see Board::beat.
  void beat(const char* phase) { board_.beat(phase); }

  // This rank is about to end the job itself with a line of its own and this code. False: another rank of the node
  // has spoken, and this one must not.
  bool claim_last_word(int exit_code) { return board_.claim_last_word(exit_code); }
  // From here on it is in order that this rank's process ends.
  void leave() { board_.end(); }

 private:
  void watch();
  void look(std::int64_t now);
  bool is_my_turn(const Verdict& verdict, std::int64_t now) const;
  void speak_and_leave(const Verdict& verdict, std::int64_t now);

  Board board_;
  double limit_ms_;
  std::atomic<std::int64_t> turn_ms_ = 0;  // what this node waits before it names a rank that may only be waiting
  std::int64_t no_verdict_until_ = 0, last_word_heard_ = 0;  // the thread's own
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace recpo::app
