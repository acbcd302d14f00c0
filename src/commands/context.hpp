#pragma once
// Context of a command: deck, process grid, watchdog, stop clock.

#include <filesystem>
#include <functional>
#include <string>

#include "src/commands/command_line.hpp"
#include "src/deck/deck.hpp"
#include "src/parallel/communicator.hpp"
#include "src/process/stop.hpp"
#include "src/process/watchdog.hpp"
#include "src/support/views.hpp"
#include "src/train/train.hpp"

namespace recpo::commands {
using train::StageKind;

struct Context {
  const CommandLine& line;
  const deck::Deck& deck;
  const parallel::ProcessGrid& grid;
  process::Watchdog& watchdog;
  const process::StopClock& clock;

  bool is_first() const { return grid.world->rank() == 0; }
  std::filesystem::path run_folder() const { return deck.run.dir; }
  train::Heartbeat heartbeat() const;
  // This rank's own view: a signal, or a wall limit that leaves no more than what is needed until the next time it
  // asks. The trainer agrees on it.
  bool stop_requested(double seconds_needed = 0) const {
    return process::stop_signal_received() || clock.expired(seconds_needed);
  }
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

// On standard output, which carries results only. Where it cannot be written, kCannotWrite is thrown if the text is
// what was asked for; at the end of a run or a sweep there is a warning. Not collective: of rank 0.
void print_result(const Context& context, const std::string& text);

// Progress bars, and waits for ranks that work alone (parallel/collective_try.hpp), feed the watchdog between these.
void connect_progress(const Context& context);
void disconnect_progress();

// The deck's precision: kFp32 | kBf16.
inline model::Precision precision_of(const deck::Deck& deck) {
  if (deck.model.precision != model::Precision::kAuto) return deck.model.precision;
  return kOnHost ? model::Precision::kFp32 : model::Precision::kBf16;
}

// f.template operator()<T>() with the storage type of a precision: the one place where one becomes the other.
template <class F>
decltype(auto) with_storage_type(model::Precision precision, const F& f) {
  return precision == model::Precision::kBf16 ? f.template operator()<Bfloat16>() : f.template operator()<float>();
}
template <class F>
decltype(auto) with_storage_type(const deck::Deck& deck, const F& f) {
  return with_storage_type(precision_of(deck), f);
}

}  // namespace recpo::commands
