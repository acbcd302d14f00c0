#pragma once
// Logging and progress bars on standard error (standard output carries results only: a table, a continuation). Rank 0
// logs; other ranks print only their own errors.

#include <fmt/format.h>

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "src/support/units.hpp"

namespace recpo {

namespace log {
// Called once at start-up, before any message. `speaks` is true on rank 0 only.
void initialize(bool speaks);
bool speaks();

// Called with the title at each advance of every progress bar, on every rank (for a watchdog). It may throw.
void set_progress_hook(std::function<void(const std::string& title)> hook);

void info_line(std::string_view line);
void warn_line(std::string_view line);

// Formatted by fmt's library, so that a unit that logs does not compile the formatting again.
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  info_line(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  warn_line(fmt::format(format, std::forward<Args>(args)...));
}
}  // namespace log

// What longer work the progress bars that follow are part of.
struct Course {
  std::string place;         // "stage 3 of 7"; empty: none
  double seconds_after = 0;  // what the work takes at least after its current part; 0: not known
};
namespace log {
void set_course(Course course);
}

// The parts of a progress bar, and the line that they make in at most `columns` columns: with less room the bar
// shrinks, then the course's time and the note go, then the end is cut. `columns` = 0: no terminal, no bar, any length.
struct ProgressLine {
  std::string title, counts, time, course_time, note;
  double fraction = 0;
};
std::string progress_text(const ProgressLine& line, std::size_t columns);

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
  std::string title_, unit_, note_;
  std::int64_t total_, done_, first_;
  Clock::time_point start_, last_draw_;
  bool finished_ = false, shown_ = false;
};

// "1:02:03", "4:05", "12 s"
std::string format_duration(double seconds);
// "1.23 GB", "45.6 MB" (powers of ten)
std::string format_bytes(double bytes);
template <std::integral Bytes>
std::string format_bytes(Bytes bytes) {
  return format_bytes(static_cast<double>(bytes));
}

}  // namespace recpo
