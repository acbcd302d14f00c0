#pragma once
// Requests for an orderly stop: SIGUSR1, SIGTERM, SIGHUP and SIGINT (the handlers set a flag and note the time, nothing
// else) and the wall-time limit.

#include <chrono>
#include <cstdint>
#include <optional>

namespace recpo::process {

// Installs the handlers, and ignores SIGXFSZ and SIGPIPE so that a full file or a closed pipe is an error of the
// write. A second SIGINT ends the program as usual; SIGHUP stays ignored where it is (nohup).
void install_signal_handlers();
bool stop_signal_received();

// Since the last SIGCONT, SIGTERM or SIGHUP. A launcher sends both to the ranks that are left of a job, some of them
// stopped perhaps, and kills them soon after.
std::optional<std::int64_t> ms_since_launcher_signal();

// Expires before the wall-time limit: a tenth of it, at most two minutes, and what the caller's next step and save
// take.
class StopClock {
 public:
  explicit StopClock(std::optional<double> limit_seconds);
  bool expired(double seconds_needed = 0) const;
  double elapsed_seconds() const;

 private:
  std::chrono::steady_clock::time_point start_;
  std::optional<double> limit_seconds_;
};

}  // namespace recpo::process
