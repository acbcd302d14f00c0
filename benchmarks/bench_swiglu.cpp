// SwiGLU: tokens x feed-forward size.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/swiglu.hpp"

namespace recpo::bench {
namespace {

template <class T>
void swiglu_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1);
  const auto gate_up = filled_matrix<T>(tokens, 2 * width), y = filled_matrix<T>(tokens, width);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::swiglu_forward<T>(exec, gate_up, y);
    exec.fence();
  }
  report_bytes(state, 3.0 * sizeof(T) * tokens * width);
}
BENCHMARK_TEMPLATE(swiglu_forward, float)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();
BENCHMARK_TEMPLATE(swiglu_forward, Bfloat16)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();

template <class T>
void swiglu_backward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1);
  const auto gate_up = filled_matrix<T>(tokens, 2 * width), dy = filled_matrix<T>(tokens, width);
  const auto d_gate_up = filled_matrix<T>(tokens, 2 * width);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::swiglu_backward<T>(exec, gate_up, dy, d_gate_up);
    exec.fence();
  }
  report_bytes(state, 5.0 * sizeof(T) * tokens * width);
}
BENCHMARK_TEMPLATE(swiglu_backward, float)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();
BENCHMARK_TEMPLATE(swiglu_backward, Bfloat16)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
