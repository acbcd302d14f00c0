#include "src/support/log.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace recpo {
namespace {
bool g_speaks = true;
std::function<void(const std::string&)> g_progress_hook;
constexpr double kQuietSeconds = 2.0;
constexpr double kTerminalSeconds = 0.2;
constexpr double kPlainSeconds = 10.0;
constexpr int kBarWidth = 24;

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}
}  // namespace

namespace log {
void initialize(bool speaks) {
  g_speaks = speaks;
  auto logger = spdlog::stderr_color_st("recpo");
  logger->set_pattern("%^[%T]%$ %v");
  logger->set_level(speaks ? spdlog::level::info : spdlog::level::off);
  spdlog::set_default_logger(logger);
}
bool speaks() { return g_speaks; }
void set_progress_hook(std::function<void(const std::string&)> hook) { g_progress_hook = std::move(hook); }
}  // namespace log

Progress::Progress(std::string title, std::int64_t total, std::string unit, std::int64_t done)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(std::max<std::int64_t>(total, 1)),
      done_(done),
      first_(done),
      start_(Clock::now()),
      last_draw_(start_) {}

Progress::~Progress() { finish(); }

void Progress::advance(std::int64_t count) {
  if (g_progress_hook) g_progress_hook(title_);
  done_ += count;
  draw(false);
}

void Progress::set_note(std::string note) { note_ = std::move(note); }

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  if (shown_) draw(true);
}

void Progress::draw(bool final) {
  if (!g_speaks) return;
  const auto now = Clock::now();
  const double elapsed = seconds_between(start_, now);
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const double interval = terminal ? kTerminalSeconds : kPlainSeconds;
  if (!final && (elapsed < kQuietSeconds || (shown_ && seconds_between(last_draw_, now) < interval))) return;
  shown_ = true;
  last_draw_ = now;
  const double fraction = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const auto advanced = static_cast<double>(done_ - first_);
  const double left = advanced > 0 ? elapsed * static_cast<double>(total_ - done_) / advanced : 0;
  const std::string time = final ? fmt::format("in {}", format_duration(elapsed))
                                 : fmt::format("{} left", advanced > 0 ? format_duration(left) : "?");
  const std::string note = note_.empty() ? "" : "  " + note_;
  if (terminal) {
    const int filled = static_cast<int>(std::lround(fraction * kBarWidth));
    std::string bar;
    for (int i = 0; i < kBarWidth; ++i) bar += i < filled ? "█" : "░";
    fmt::print(stderr, "\r\033[K{} {} {}/{} {}  {}{}{}", title_, bar, done_, total_, unit_, time, note,
               final ? "\n" : "");
  } else {
    fmt::print(stderr, "{}: {}/{} {} ({:.0f} %)  {}{}\n", title_, done_, total_, unit_, 100 * fraction, time, note);
  }
  std::fflush(stderr);
}

std::string format_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(seconds));
  if (total >= 3600) return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  if (total >= 60) return fmt::format("{}:{:02}", total / 60, total % 60);
  return fmt::format("{} s", total);
}

std::string format_bytes(double bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  int unit = 0;
  while (bytes >= 999.5 && unit < 4) bytes /= 1000, ++unit;
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.3g} {}", bytes, kUnits[unit]);
}

}  // namespace recpo
