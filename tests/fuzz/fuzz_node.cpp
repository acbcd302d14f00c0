// A node description: what is accepted has numbers that a plan can divide by.
#include <cmath>

#include "src/plan/node.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace recpo {
namespace {

void read_node(std::string_view input) {
  const plan::Node node = plan::read_node_text(input, fuzz::kSource);
  for (const double number : {node.memory, node.peak_flops, node.memory_bandwidth, node.gemm_efficiency,
                              node.pair.bandwidth, node.shared_bandwidth})
    fuzz::expect(number > 0 && std::isfinite(number), "numbers above 0");
  fuzz::expect(node.reserve < node.memory, "memory for training");
}
}  // namespace
}  // namespace recpo

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return recpo::fuzz::read(data, size, recpo::read_node, recpo::ExitCode::kUsage);
}
