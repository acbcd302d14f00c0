#pragma once
// Seconds, bytes and FLOP: the clock of measured times and time limits, which never goes back, and factors of units.

#include <chrono>

namespace recpo {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

inline constexpr double kGibi = 1024.0 * 1024 * 1024, kGiga = 1e9, kTera = 1e12, kMicro = 1e-6;

}  // namespace recpo
