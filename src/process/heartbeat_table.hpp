#pragma once
// Per-node heartbeat table in anonymous shared memory: for each rank of the node its process, its phase, the time of
// its last heartbeat, and whether it exits in order. The memory has no name, so it vanishes with the last process that
// maps it. Until share() the table is private and holds this rank alone. Reading and writing take no lock and allocate
// nothing: they work while another rank hangs or after it has died.

#include <mpi.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <span>

namespace recpo::process {
// State of a process of this node from /proc. System calls only: takes no lock and allocates nothing, so that it works
// whatever other threads of this process hold.

// A process number may be given to another process later; number and start time together are unique until the reboot.
struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // since the boot of the machine; 0: not known (no /proc)
};

ProcessIdentity own_identity();

// The state letter of /proc/PID/stat for the process's first thread, see proc(5): R computes, S and D wait, T is
// stopped, Z has ended. kGone when the process is not there or another one has its number; kUnknown when /proc cannot
// say, although the process may be there.
constexpr char kGone = '-', kUnknown = '?';
char process_state(const ProcessIdentity& process);

// Ended: gone, or a zombie. `unknown` counts as there.
bool has_ended(char state);

// Stopped by a signal or a debugger: makes no progress, whatever the other ranks do.
bool is_stopped(char state);

// A clause for a message: "it is stopped".
const char* state_text(char state);

// Milliseconds of CLOCK_MONOTONIC, which is one for all processes of a node.
std::int64_t now_ms();

struct alignas(64) HeartbeatEntry {
  static constexpr std::size_t kPhaseLength = 96;

  std::atomic<int> rank{0};  // of the world
  std::atomic<pid_t> pid{0};
  std::atomic<std::uint64_t> start_ticks{0};
  std::atomic<std::int64_t> last_beat_ms{0};
  std::atomic<bool> is_ending{false};  // it leaves in order: that its process vanishes means nothing
  std::atomic<char> phase[kPhaseLength]{};

  ProcessIdentity identity() const { return {pid, start_ticks}; }
  void copy_phase(char (&text)[kPhaseLength]) const;  // with a final 0
};

class HeartbeatTable {
 public:
  explicit HeartbeatTable(int rank);
  ~HeartbeatTable();  // no other thread may use the table then
  HeartbeatTable(const HeartbeatTable&) = delete;
  HeartbeatTable& operator=(const HeartbeatTable&) = delete;

  // Collective over `node`, the ranks that share memory, in the order of the world. Where the ranks cannot share a
  // table (a rank cannot map it, or does not see the others' processes as in containers of their own), all keep their
  // private ones. `rank` is this rank's in the world. Another thread may read the table meanwhile.
  void share(MPI_Comm node, int rank);

  // This rank makes progress. The first kPhaseLength - 1 bytes of `phase` are copied.
  void beat(const char* phase);
  // It waits for others: the same, in the phase that it is in.
  void stay_alive();
  // This rank was stopped from outside for so long: that time does not count.
  void forgive(std::int64_t milliseconds);
  // This rank leaves in order.
  void end();

  std::span<const HeartbeatEntry> entries() const;  // of the node, in the order of ranks
  std::size_t own_index() const;                    // among them

  // True for one rank of the node, once: it prints the line that explains the end of the job; exit_code is not 0.
  bool claim_reporter(int exit_code);
  // The exit code of the rank that reports; 0 as long as there is none.
  int reporter_exit_code() const;

 private:
  struct Layout;
  Layout* private_ = nullptr;
  Layout* shared_ = nullptr;
  std::atomic<Layout*> current_ = nullptr;      // one of the two
  std::atomic<HeartbeatEntry*> own_ = nullptr;  // on the current layout
  std::size_t shared_index_ = 0;                // written before the shared layout is the current one
};

}  // namespace recpo::process
