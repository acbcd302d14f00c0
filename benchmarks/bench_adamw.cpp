// AdamW: one pass over gradient, both moments and weights.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/adamw.hpp"

namespace recpo::bench {
namespace {

void adamw_step(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const auto gradient = filled_vector<float>(n), m = filled_vector<float>(n), v = filled_vector<float>(n);
  const auto weight = filled_vector<float>(n);
  Kokkos::deep_copy(v, 1.0f);  // a sum of squares
  const kernels::AdamWCoefficients coefficients{1e-5, 0.9, 0.999, 1e-8, 0.01, 10, 1.0};
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::adamw_step<float>(exec, coefficients, gradient, m, v, weight);
    exec.fence();
  }
  report_bytes(state, 4.0 * 7 * n);
}
BENCHMARK(adamw_step)->Arg(1 << 25)->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
