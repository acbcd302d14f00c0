// RMSNorm: tokens x hidden.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/rms_norm.hpp"

namespace recpo::bench {
namespace {

void rms_norm_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<float>(tokens, hidden), y = filled_matrix<float>(tokens, hidden);
  const auto weight = filled_vector<float>(hidden), r = filled_vector<float>(tokens);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::rms_norm_forward<float>(exec, x, weight, 1e-5, y, r);
    exec.fence();
  }
  report_bytes(state, 4.0 * 2 * tokens * hidden);
}
BENCHMARK(rms_norm_forward)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();

void rms_norm_backward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<float>(tokens, hidden), dy = filled_matrix<float>(tokens, hidden);
  const auto dx = filled_matrix<float>(tokens, hidden);
  const auto weight = filled_vector<float>(hidden), r = filled_vector<float>(tokens);
  const auto d_weight = filled_vector<float>(hidden);
  const auto workspace = filled_vector<float>(kernels::rms_norm_workspace(tokens, hidden));
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::rms_norm_backward<float>(exec, x, weight, r, dy, dx, d_weight, workspace);
    exec.fence();
  }
  report_bytes(state, 4.0 * 4 * tokens * hidden);
}
BENCHMARK(rms_norm_backward)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
