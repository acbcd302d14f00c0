// RMSNorm: tokens x hidden.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/rms_norm.hpp"

namespace recpo::bench {
namespace {

template <class T>
void rms_norm_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<T>(tokens, hidden), y = filled_matrix<T>(tokens, hidden);
  const auto weight = filled_vector<T>(hidden);
  const auto r = filled_vector<Accumulate<T>>(tokens);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::rms_norm_forward<T>(exec, x, weight, 1e-5, y, r);
    exec.fence();
  }
  report_bytes(state, 2.0 * sizeof(T) * tokens * hidden);
}
BENCHMARK_TEMPLATE(rms_norm_forward, float)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();
BENCHMARK_TEMPLATE(rms_norm_forward, Bfloat16)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();

template <class T>
void rms_norm_backward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<T>(tokens, hidden), dy = filled_matrix<T>(tokens, hidden);
  const auto dx = filled_matrix<T>(tokens, hidden);
  const auto weight = filled_vector<T>(hidden);
  const auto r = filled_vector<Accumulate<T>>(tokens), d_weight = filled_vector<Accumulate<T>>(hidden);
  const auto workspace = filled_vector<Accumulate<T>>(kernels::rms_norm_workspace(tokens, hidden));
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::rms_norm_backward<T>(exec, x, weight, r, dy, dx, d_weight, workspace);
    exec.fence();
  }
  report_bytes(state, 4.0 * sizeof(T) * tokens * hidden);
}
BENCHMARK_TEMPLATE(rms_norm_backward, float)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();
BENCHMARK_TEMPLATE(rms_norm_backward, Bfloat16)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
