#pragma once
// Units in which people write and read what the program counts in bytes, seconds and FLOP.

namespace recpo::app {

inline constexpr double kGibi = 1024.0 * 1024 * 1024, kGiga = 1e9, kTera = 1e12, kMicro = 1e-6;

}  // namespace recpo::app
