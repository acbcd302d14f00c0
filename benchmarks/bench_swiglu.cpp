// SwiGLU: tokens x feed-forward size.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/swiglu.hpp"

namespace recpo::bench {
namespace {

template <class T>
void swiglu_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1);
  const auto gate_up = filled_matrix<T>(tokens, 2 * width), y = filled_matrix<T>(tokens, width);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::swiglu_forward<T>(exec, gate_up, y); });
  report_bytes(state, 3.0 * sizeof(T) * tokens * width);
}
BENCHMARK_TEMPLATE(swiglu_forward, float)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();
BENCHMARK_TEMPLATE(swiglu_forward, Bfloat16)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();
const auto* const device_forward = device_cases("swiglu_forward<Bfloat16>", swiglu_forward<Bfloat16>, {{8192, 14336}});

template <class T>
void swiglu_backward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1);
  const auto gate_up = filled_matrix<T>(tokens, 2 * width), dy = filled_matrix<T>(tokens, width);
  const auto d_gate_up = filled_matrix<T>(tokens, 2 * width);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::swiglu_backward<T>(exec, gate_up, dy, d_gate_up); });
  report_bytes(state, 5.0 * sizeof(T) * tokens * width);
}
BENCHMARK_TEMPLATE(swiglu_backward, float)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();
BENCHMARK_TEMPLATE(swiglu_backward, Bfloat16)->Args({8192, 1536})->Args({2048, 14336})->UseRealTime();
const auto* const device_backward =
    device_cases("swiglu_backward<Bfloat16>", swiglu_backward<Bfloat16>, {{8192, 14336}});

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
