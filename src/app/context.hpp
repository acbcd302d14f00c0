#pragma once
// What every command works with: the deck, the ranks, and the ways to say "alive" and to hear "stop".

#include <filesystem>
#include <functional>
#include <string>

#include "src/app/deck.hpp"
#include "src/app/input/command_line.hpp"
#include "src/app/stop.hpp"
#include "src/app/watchdog.hpp"
#include "src/parallel/communicator.hpp"
#include "src/train/train.hpp"

namespace recpo::app {

struct Context {
  const CommandLine& line;
  const Deck& deck;
  const parallel::ProcessGrid& grid;
  Watchdog& watchdog;
  const StopClock& clock;

  bool is_first() const { return grid.world->rank() == 0; }
  std::filesystem::path run_folder() const { return deck.run.dir; }
  train::Heartbeat heartbeat() const;
  // This rank's own view (a signal or the wall limit); the trainer agrees on it.
  bool stop_requested() const { return stop_signal_received() || clock.expired(); }
};

// Collective over the world: throws kStopped on every rank when any of them was asked to stop.
void stop_if_requested(const Context& context, const std::string& after);

// Work that nothing is lost of when it ends early (import, evaluation): as long as this object lives, a rank that was
// asked to stop throws kStopped at the next update of a progress bar.
class Interruptible {
 public:
  explicit Interruptible(const Context& context);
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
};

// Work of rank 0 alone; the others wait (asleep, and alive for the watchdog). Collective over the world: an error of
// rank 0 is thrown on every rank.
void run_on_first_rank(const Context& context, const char* phase, const std::function<void()>& work);

// The same for work that gives a text, which every rank gets.
std::string text_of_first_rank(const Context& context, const char* phase, const std::function<std::string()>& work);

// Progress bars feed the watchdog from now on.
void connect_progress(const Context& context);

}  // namespace recpo::app
