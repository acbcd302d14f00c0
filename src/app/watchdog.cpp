#include "src/app/watchdog.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "src/app/stop.hpp"
#include "src/support/check.hpp"

namespace recpo::app {
namespace {

constexpr int kPollMs = 50;
// Ranks that wait for the hung one run into their own limits at the same time: each gives the ranks before it this long
// to speak first, so that the line appears once.
constexpr int kTurnMs = 250;
constexpr int kMostTurns = 20;

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Watchdog::Watchdog(int rank, double limit_seconds)
    : rank_(rank), limit_seconds_(limit_seconds), last_beat_ms_(now_ms()) {
  beat("start-up");
  thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  stop_ = true;
  thread_.join();
}

void Watchdog::beat(const char* phase) {
  std::size_t length = 0;
  for (; length + 1 < kPhaseLength && phase[length] != '\0'; ++length) phase_[length] = phase[length];
  phase_[length] = '\0';
  last_beat_ms_ = now_ms();
}

void Watchdog::watch() {
  const auto limit_ms = static_cast<std::int64_t>(limit_seconds_ * 1000) + std::min(rank_, kMostTurns) * kTurnMs;
  while (!stop_) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kPollMs));
    if (now_ms() - last_beat_ms_ <= limit_ms || stop_) continue;
    char phase[kPhaseLength];
    std::copy(std::begin(phase_), std::end(phase_), phase);
    char line[256];
    const int length = std::snprintf(line, sizeof line,
                                     "recpo: error: rank %d hangs: no progress for %.0f s in phase '%s' "
                                     "(run.watchdog_seconds)\n",
                                     rank_, limit_seconds_, phase);
    // A rank that is being ended because another one spoke stays silent.
    if (!stop_signal_received() && ::write(STDERR_FILENO, line, static_cast<std::size_t>(length)) < 0) {
      ::_exit(static_cast<int>(ExitCode::kWatchdog));
    }
    ::_exit(static_cast<int>(ExitCode::kWatchdog));
  }
}

}  // namespace recpo::app
