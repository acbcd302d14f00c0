// This machine as a node: the part of node.hpp that needs a device and other ranks.
#include <unistd.h>

#include <algorithm>

#include "kernels/gemm.hpp"
#include "src/plan/node.hpp"
#include "src/support/check.hpp"
#include "src/support/units.hpp"
#include "src/support/views.hpp"

namespace recpo::plan {
namespace {

constexpr std::int64_t kMegabyte = 1 << 20;

template <class Work>
double seconds_of(const Work& work) {
  const auto start = Clock::now();
  work();
  return seconds_since(start);
}

// The better of a few: the first one also pays for pages and connections.
template <class Work>
double best_of_three(const Work& work) {
  double best = seconds_of(work);
  for (int i = 0; i < 2; ++i) best = std::min(best, seconds_of(work));
  return best;
}

double smallest_of_ranks(parallel::Communicator& world, double value) {
  return std::ranges::min(parallel::gather_values(world, std::vector{value}));
}

double copy_bandwidth(parallel::Communicator& world) {
  const std::int64_t n = 16 * kMegabyte;
  const OwnedVector<float> from("recpo::measured_node::from", n), to("recpo::measured_node::to", n);
  const ExecSpace exec;
  const double seconds = best_of_three([&] {
    world.barrier();
    Kokkos::deep_copy(exec, to, from);
    exec.fence("recpo::measured_node::copies");
  });
  return 2.0 * static_cast<double>(n) * sizeof(float) / seconds;
}

Link all_reduce_link(parallel::Communicator& world) {
  const ExecSpace exec;
  const int ranks = world.size();
  const OwnedVector<float> data("recpo::measured_node::message", 2 * kMegabyte);
  const double hops = 2.0 * (ranks - 1);
  const auto seconds = [&](std::int64_t n) {
    return best_of_three([&] { world.all_reduce_sum(exec, Vector<float>(data.data(), n)); });
  };
  Link link;
  link.latency = seconds(1) / hops;
  const double bytes = hops / ranks * static_cast<double>(data.extent(0)) * sizeof(float);
  link.bandwidth = bytes / std::max(1e-9, seconds(static_cast<std::int64_t>(data.extent(0))) - hops * link.latency);
  return link;
}

}  // namespace

bool node_can_be_measured() { return kOnHost; }

Node measured_node(const parallel::ProcessGrid& grid, model::Precision precision) {
  if (!node_can_be_measured())
    throw_usage("a plan for GPUs needs their description: give --node FILE, for example inputs/nodes/h100x8.toml");
  // Shares of the host that cannot be measured in a moment.
  constexpr double kGemmEfficiency = 0.8;  // of the rate of large products, reached by the model's shapes
  constexpr double kReserve = 0.1;         // of the memory, for everything else that runs
  parallel::Communicator& world = *grid.world;
  Node node;
  node.ranks = world.size();
  node.name = "this machine";
  node.memory =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / node.ranks;
  node.reserve = kReserve * node.memory;
  world.barrier();
  node.precision = precision;
  node.peak_flops =
      smallest_of_ranks(world, precision == model::Precision::kBf16 ? kernels::measured_gemm_rate<Bfloat16>()
                                                                    : kernels::measured_gemm_rate<float>());
  node.gemm_efficiency = kGemmEfficiency;
  node.memory_bandwidth = smallest_of_ranks(world, copy_bandwidth(world));
  node.pair = {node.memory_bandwidth, 0};
  if (node.ranks > 1) {
    node.pair = all_reduce_link(world);
    node.pair.bandwidth = smallest_of_ranks(world, node.pair.bandwidth);
    node.pair.latency = smallest_of_ranks(world, node.pair.latency);
  }
  node.shared_bandwidth = node.pair.bandwidth;
  node.bridge = node.pair;
  return node;
}

}  // namespace recpo::plan
