// Scores of items by states: sequences x choices, 64 numbers each, over a table of 8192 items.
#include <vector>

#include "benchmarks/benchmark_context.hpp"
#include "kernels/embedding.hpp"

namespace recpo::bench {
namespace {

constexpr std::int64_t kItems = 8192, kHidden = 64;

OwnedVector<int> spread_items(std::int64_t count) {
  std::vector<int> host(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < host.size(); ++i) host[i] = static_cast<int>(i * 7919 % kItems);
  const OwnedVector<int> device("recpo::bench::items", host.size());
  Kokkos::deep_copy(device, HostVector<const int>(host.data(), host.size()));
  return device;
}

void item_scores_forward(benchmark::State& state) {
  const std::int64_t sequences = state.range(0), choices = state.range(1);
  const auto table = filled_matrix<float>(kItems, kHidden), states = filled_matrix<float>(sequences, kHidden),
             scores = filled_matrix<float>(sequences, choices);
  const auto items = spread_items(sequences * choices);
  time_kernel(state,
              [&](const ExecSpace& exec) { kernels::item_scores_forward<float>(exec, items, table, states, scores); });
  report_bytes(state, 1.0 * sizeof(float) * sequences * (choices + 1) * kHidden);
}
BENCHMARK(item_scores_forward)->Args({32, 2})->Args({8192, 20})->UseRealTime();

void item_scores_backward(benchmark::State& state) {
  const std::int64_t sequences = state.range(0), choices = state.range(1);
  const auto table = filled_matrix<float>(kItems, kHidden), states = filled_matrix<float>(sequences, kHidden),
             d_scores = filled_matrix<float>(sequences, choices), d_states = filled_matrix<float>(sequences, kHidden),
             d_rows = filled_matrix<float>(sequences * choices, kHidden);
  const auto items = spread_items(sequences * choices);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::item_scores_backward<float>(exec, items, table, states, d_scores, d_states, d_rows);
  });
  report_bytes(state, 2.0 * sizeof(float) * sequences * (choices + 1) * kHidden);
}
BENCHMARK(item_scores_backward)->Args({32, 2})->Args({8192, 20})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
