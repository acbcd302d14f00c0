#include "src/support/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "src/support/standard_streams.hpp"

namespace recpo {
namespace {
bool g_speaks = true;
std::function<void(const std::string&)> g_progress_hook;
constexpr double kQuietSeconds = 2.0;
constexpr double kTerminalSeconds = 0.2;
constexpr double kPlainSeconds = 10.0;
constexpr std::size_t kBarWidth = 24, kUsualColumns = 80;
Course g_course;
bool g_bar_on_screen = false;  // the terminal's last line is a bar that will be written again

bool on_terminal() { return isatty(STDERR_FILENO) != 0; }

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsualColumns;
}

// A message must not begin behind a bar.
void clear_bar() {
  if (std::exchange(g_bar_on_screen, false)) write_message("\r\033[K");
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::size_t columns_of(std::string_view text) {  // one a character
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return !continues_character(c); }));
}

std::string cut(const std::string& text, std::size_t columns) {
  if (columns_of(text) <= columns) return text;
  std::size_t end = 0, kept = 0;
  for (; end < text.size() && (kept < columns || continues_character(text[end])); ++end)
    kept += !continues_character(text[end]);
  while (end > 0 && columns_of(text.substr(0, end)) >= columns) --end;
  while (end > 0 && continues_character(text[end])) --end;
  return text.substr(0, end) + "…";
}

std::string bar_text(double fraction, std::size_t width) {
  const auto filled = static_cast<std::size_t>(std::lround(fraction * static_cast<double>(width)));
  std::string bar;
  for (std::size_t i = 0; i < width; ++i) bar += i < filled ? "█" : "░";
  return bar;
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
void info_line(std::string_view line) {
  clear_bar();
  spdlog::info(printable(line));
}
void warn_line(std::string_view line) {
  clear_bar();
  spdlog::warn(printable(line));
}
void set_course(Course course) { g_course = std::move(course); }
void set_progress_hook(std::function<void(const std::string&)> hook) { g_progress_hook = std::move(hook); }
}  // namespace log

std::string progress_text(const ProgressLine& line, std::size_t columns) {
  const auto joined = [&](std::size_t bar, bool with_course, bool with_note) {
    std::string text = line.title;
    if (bar > 0) text += " " + bar_text(line.fraction, bar);
    text += fmt::format("{} {}", bar > 0 ? "" : ":", line.counts);
    if (columns == 0) text += fmt::format(" ({:.0f} %)", 100 * line.fraction);
    text += "  " + line.time;
    if (with_course && !line.course_time.empty()) text += ", " + line.course_time;
    return with_note && !line.note.empty() ? text + "  " + line.note : text;
  };
  if (columns == 0) return joined(0, true, true);
  for (const std::size_t bar : {kBarWidth, kBarWidth / 2, kBarWidth / 4})
    if (std::string text = joined(bar, true, true); columns_of(text) <= columns) return text;
  for (const auto& [with_course, with_note] : {std::pair(true, true), {false, true}, {false, false}})
    if (std::string text = joined(0, with_course, with_note); columns_of(text) <= columns) return text;
  return cut(joined(0, false, false), columns);
}

Progress::Progress(std::string title, std::int64_t total, std::string unit, std::int64_t done)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(std::max<std::int64_t>(total, 1)),
      done_(done),
      first_(done),
      start_(Clock::now()),
      last_draw_(start_) {}

Progress::~Progress() {
  try {
    finish();
  } catch (const std::exception&) {  // no memory for a line
  }
}

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
  const double elapsed = seconds_since(start_);
  const bool terminal = on_terminal();
  const double interval = terminal ? kTerminalSeconds : kPlainSeconds;
  if (!final && (elapsed < kQuietSeconds || (shown_ && seconds_since(last_draw_) < interval))) return;
  shown_ = true;
  last_draw_ = Clock::now();
  const auto advanced = static_cast<double>(done_ - first_);
  const double left = advanced > 0 ? elapsed * static_cast<double>(total_ - done_) / advanced : 0;
  ProgressLine line;
  line.title = printable(g_course.place.empty() ? title_ : fmt::format("{}, {}", g_course.place, title_));
  line.counts = fmt::format("{}/{} {}", done_, total_, unit_);
  line.fraction = std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  line.time = final ? fmt::format("in {}", format_duration(elapsed))
                    : fmt::format("{} left", advanced > 0 ? format_duration(left) : "?");
  if (!final && advanced > 0 && g_course.seconds_after >= 1)
    line.course_time = fmt::format("run at least {}", format_duration(left + g_course.seconds_after));
  line.note = printable(note_);
  if (terminal) {
    // The last column stays empty: some terminals begin a new line behind it.
    write_message(fmt::format("\r\033[K{}{}", progress_text(line, terminal_columns() - 1), final ? "\n" : ""));
    g_bar_on_screen = !final;
  } else {
    write_message(progress_text(line, 0) + "\n");
  }
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
