#include <array>
#include <utility>

#include "benchmarks/device.hpp"

namespace recpo::bench {

std::optional<double> peak_bfloat16_flops(std::string_view device_name) {
  // The first whose name begins so: the SXM cards' names go on with their memory.
  static constexpr std::array<std::pair<std::string_view, double>, 8> kTeraflops = {{
      {"NVIDIA H100 PCIe", 756.0},
      {"NVIDIA H100 NVL", 835.0},
      {"NVIDIA H100", 989.4},
      {"NVIDIA H200 NVL", 835.0},
      {"NVIDIA H200", 989.4},
      {"NVIDIA A100", 312.0},
      {"NVIDIA RTX A6000", 154.8},
      {"NVIDIA RTX 6000 Ada", 364.2},
  }};
  for (const auto& [name, teraflops] : kTeraflops) {
    if (device_name.starts_with(name)) return 1e12 * teraflops;
  }
  return std::nullopt;
}

}  // namespace recpo::bench
