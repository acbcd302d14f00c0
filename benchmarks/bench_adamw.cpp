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
  time_kernel(
      state, [&](const ExecSpace& exec) { kernels::adamw_step<float, M>(exec, coefficients, gradient, m, v, weight); });
  report_bytes(state, static_cast<double>(n) * (3 * sizeof(float) + 4 * sizeof(M)));
}
BENCHMARK_TEMPLATE(adamw_step, float)->Arg(1 << 25)->UseRealTime();
BENCHMARK_TEMPLATE(adamw_step, Bfloat16)->Arg(1 << 25)->UseRealTime();
const auto* const device_float = device_cases("adamw_step<float>", adamw_step<float>, {{200'000'000}});
const auto* const device_bfloat16 = device_cases("adamw_step<Bfloat16>", adamw_step<Bfloat16>, {{200'000'000}});

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
