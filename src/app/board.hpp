#pragma once
// A board on which the ranks of a node see each other: for each rank who it is, what it does (its phase), when it last
// made progress, and whether it leaves in order. It lies in memory that all of them map and that has no name anywhere,
// so it vanishes with the last process whatever ends the job. Until share() it holds the own slot alone. Reading and
// writing take no lock and no memory: the ranks that look may do so when another one hangs, or has gone.

#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <span>

#include "src/app/process_state.hpp"

namespace recpo::app {

// Milliseconds of CLOCK_MONOTONIC, which is one for all processes of a node.
std::int64_t now_ms();

struct alignas(64) Slot {
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

class Board {
 public:
  explicit Board(int rank);
  ~Board();  // no other thread may use the board then
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  // Collective over `node`, the ranks that share memory, in the order of the world. Where the ranks cannot share a
  // board (a rank cannot map it, or does not see the others' processes as in containers of their own), all keep their
  // private ones. `rank` is this rank's in the world. Another thread may read the board meanwhile.
  void share(MPI_Comm node, int rank);

  // This rank makes progress. The first kPhaseLength - 1 bytes of `phase` are copied.
  void beat(const char* phase);
  // This rank was stopped from outside for so long: that time does not count.
  void forgive(std::int64_t milliseconds);
  // This rank leaves in order.
  void end();

  std::span<const Slot> slots() const;  // of the node, in the order of ranks
  std::size_t own_index() const;        // among them

  // True for one rank of the node, once: it may speak of what ends the job, with this exit code (not 0).
  bool claim_last_word(int exit_code);
  // The exit code of the rank that took the last word; 0 as long as nobody did.
  int last_word() const;

 private:
  struct Sheet;
  Sheet* private_ = nullptr;
  Sheet* shared_ = nullptr;
  std::atomic<Sheet*> current_ = nullptr;  // one of the two
  std::atomic<Slot*> own_ = nullptr;       // on the current sheet
  std::size_t shared_index_ = 0;           // written before the shared sheet is the current one
};

}  // namespace recpo::app
