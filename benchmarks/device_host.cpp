#include "benchmarks/device.hpp"

namespace recpo::bench {

std::string device_name() { return {}; }
std::int64_t device_bytes_in_use() { return 0; }

}  // namespace recpo::bench
