// SwiGLU: tokens x feed-forward size.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/swiglu.hpp"

namespace recpo::bench {
namespace {

void swiglu_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1);
  const auto gate_up = filled_matrix<float>(tokens, 2 * width), y = filled_matrix<float>(tokens, width);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::swiglu_forward<float>(exec, gate_up, y);
    exec.fence();
  }
  report_bytes(state, 4.0 * 3 * tokens * width);
}
BENCHMARK(swiglu_forward)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();

void swiglu_backward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1);
  const auto gate_up = filled_matrix<float>(tokens, 2 * width), dy = filled_matrix<float>(tokens, width);
  const auto d_gate_up = filled_matrix<float>(tokens, 2 * width);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::swiglu_backward<float>(exec, gate_up, dy, d_gate_up);
    exec.fence();
  }
  report_bytes(state, 4.0 * 5 * tokens * width);
}
BENCHMARK(swiglu_backward)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
