// AdamW: one pass over gradient, both moments and weights; moments as float or bfloat16.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/adamw.hpp"

namespace recpo::bench {
namespace {

template <class M>
void adamw_step(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const auto gradient = filled_vector<float>(n), weight = filled_vector<float>(n);
  const OwnedVector<M> m("m", n), v("v", n);
  const kernels::AdamWCoefficients coefficients{1e-5, 0.9, 0.999, 1e-8, 0.01, 10, 1.0};
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::adamw_step<float, M>(exec, coefficients, gradient, m, v, weight);
    exec.fence();
  }
  report_bytes(state, static_cast<double>(n) * (3 * sizeof(float) + 4 * sizeof(M)));
}
BENCHMARK_TEMPLATE(adamw_step, float)->Arg(1 << 25)->UseRealTime();
BENCHMARK_TEMPLATE(adamw_step, Bfloat16)->Arg(1 << 25)->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
