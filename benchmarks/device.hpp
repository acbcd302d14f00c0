#pragma once
// The GPU that benchmarks run on. device_cuda.cpp asks CUDA; on a host (device_host.cpp) there is none: no name, no
// bytes.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace recpo::bench {

std::string device_name();           // "NVIDIA H100 80GB HBM3"
std::int64_t device_bytes_in_use();  // by all programs on it

// FLOP/s of dense products of bfloat16 with sums in float, by NVIDIA's data sheets (half of what they give with
// sparsity); none for a card that is not listed in device_peak.cpp.
std::optional<double> peak_bfloat16_flops(std::string_view device_name);

}  // namespace recpo::bench
