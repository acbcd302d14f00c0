#pragma once
// How much memory this process has had resident at most, from the kernel (Linux); 0 where that is not told.

#include <cstdint>
#include <fstream>
#include <string>

namespace recpo {

inline std::int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return 1024 * std::stoll(line.substr(6));  // "VmHWM:   123 kB"
  }
  return 0;
}

}  // namespace recpo
