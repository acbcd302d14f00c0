#pragma once
// What a person reads while the program runs. Everything goes to standard error (standard output carries results
// only: a table, a continuation). Rank 0 speaks; the others are silent except for the error of the rank concerned.

#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace recpo {

namespace log {
// Called once at start-up, before any message. `speaks` is true on rank 0 only.
void initialize(bool speaks);
bool speaks();

// Called with the title at each advance of every progress bar, on every rank (for a watchdog). It may throw.
void set_progress_hook(std::function<void(const std::string& title)> hook);

using spdlog::info;
using spdlog::warn;
}  // namespace log

// A progress bar with time left on a terminal, plain lines (at most one every ten seconds) otherwise. Nothing is
// shown for work that ends within two seconds. Silent on ranks that do not speak.
//   Progress progress("evaluate sft", rows, "rows");
//   progress.advance(8); progress.set_note("loss 1.234");
class Progress {
 public:
  // `done` of the total was done before (a resumed stage): it counts in the bar, not in the speed.
  Progress(std::string title, std::int64_t total, std::string unit, std::int64_t done = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::int64_t count = 1);
  void set_note(std::string note);  // shown behind the bar from the next update on
  void finish();                    // draws the final state; also done by the destructor

 private:
  void draw(bool final);
  using Clock = std::chrono::steady_clock;
  std::string title_, unit_, note_;
  std::int64_t total_, done_, first_;
  Clock::time_point start_, last_draw_;
  bool finished_ = false, shown_ = false;
};

// "1:02:03", "4:05", "12 s"
std::string format_duration(double seconds);
// "1.23 GB", "45.6 MB" (powers of ten)
std::string format_bytes(double bytes);

}  // namespace recpo
