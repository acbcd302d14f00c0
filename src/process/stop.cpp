#include "src/process/stop.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <ctime>

#include "src/support/units.hpp"

namespace recpo::process {
namespace {

volatile std::sig_atomic_t g_stop_signal = 0;
std::atomic<std::int64_t> g_launcher_signal_ms = 0;  // 0: never
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t monotonic_ms() {  // the call is allowed in signal handlers
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

extern "C" void note_stop_signal(int signal) {
  g_stop_signal = 1;
  if (signal == SIGTERM || signal == SIGHUP) g_launcher_signal_ms = monotonic_ms();
}

extern "C" void note_continue_signal(int) { g_launcher_signal_ms = monotonic_ms(); }

constexpr double kReserveFraction = 0.1;
constexpr double kMaxReserveSeconds = 120;

}  // namespace

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = note_stop_signal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  struct sigaction inherited {};
  if (sigaction(SIGHUP, nullptr, &inherited) == 0 && inherited.sa_handler != SIG_IGN)
    sigaction(SIGHUP, &action, nullptr);
  action.sa_handler = note_continue_signal;
  sigaction(SIGCONT, &action, nullptr);
  action.sa_handler = note_stop_signal;
  action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
}

bool stop_signal_received() { return g_stop_signal != 0; }

std::optional<std::int64_t> ms_since_launcher_signal() {
  const std::int64_t received = g_launcher_signal_ms;
  if (received == 0) return std::nullopt;
  return monotonic_ms() - received;
}

StopClock::StopClock(std::optional<double> limit_seconds) : start_(Clock::now()), limit_seconds_(limit_seconds) {}

double StopClock::elapsed_seconds() const { return seconds_since(start_); }

bool StopClock::expired(double seconds_needed) const {
  if (!limit_seconds_) return false;
  const double reserve = std::min(kReserveFraction * *limit_seconds_, kMaxReserveSeconds) + seconds_needed;
  return elapsed_seconds() >= *limit_seconds_ - reserve;
}

}  // namespace recpo::process
