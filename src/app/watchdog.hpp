#pragma once
// Ends a job that hangs. A thread, started before MPI, looks at the time of the last heartbeat; after `limit_seconds`
// without one it writes a line naming the rank and the phase, and ends the process with kWatchdog. It takes no lock and
// no memory then: the hung thread may hold any.

#include <atomic>
#include <cstdint>
#include <thread>

namespace recpo::app {

class Watchdog {
 public:
  Watchdog(int rank, double limit_seconds);  // starts the thread
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // This rank makes progress. The first kPhaseLength - 1 characters of `phase` are copied.
  void beat(const char* phase);

 private:
  void watch();

  static constexpr std::size_t kPhaseLength = 48;
  int rank_;
  double limit_seconds_;
  std::atomic<std::int64_t> last_beat_ms_;
  std::atomic<char> phase_[kPhaseLength];
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace recpo::app
