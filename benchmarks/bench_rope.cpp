// Rotary embedding in place: tokens x heads x head dimension.
#include <vector>

#include "benchmarks/benchmark_context.hpp"
#include "kernels/rope.hpp"

namespace recpo::bench {
namespace {

template <class T>
void rope_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), heads = state.range(1), head_dim = state.range(2), length = 1024;
  const std::vector<double> host = kernels::rope_inverse_frequencies(static_cast<int>(head_dim), 500000.0, {});
  const OwnedVector<double> frequencies("recpo::bench::frequencies", host.size());
  Kokkos::deep_copy(frequencies, HostVector<const double>(host.data(), host.size()));
  const auto cosine = filled_matrix<Accumulate<T>>(length, head_dim / 2);
  const auto sine = filled_matrix<Accumulate<T>>(length, head_dim / 2);
  const ExecSpace exec;
  kernels::rope_tables<T>(exec, frequencies, cosine, sine);
  std::vector<int> host_positions(tokens);
  for (std::int64_t t = 0; t < tokens; ++t) host_positions[t] = static_cast<int>(t % length);
  const OwnedVector<int> positions("recpo::bench::positions", tokens);
  Kokkos::deep_copy(positions, HostVector<const int>(host_positions.data(), tokens));
  const auto x = filled_matrix<T>(tokens, heads * head_dim);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::rope_forward<T>(exec, positions, cosine, sine, static_cast<int>(heads), x);
  });
  report_bytes(state, 2.0 * sizeof(T) * tokens * heads * head_dim);
}
BENCHMARK_TEMPLATE(rope_forward, float)->Args({16384, 12, 64})->Args({4096, 40, 128})->UseRealTime();
BENCHMARK_TEMPLATE(rope_forward, Bfloat16)->Args({16384, 12, 64})->Args({4096, 40, 128})->UseRealTime();
const auto* const device_forward =
    device_cases("rope_forward<Bfloat16>", rope_forward<Bfloat16>, {{8192, 40, 128}, {16384, 40, 128}});

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
