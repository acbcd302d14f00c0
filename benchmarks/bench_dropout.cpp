// Dropout of an adapter's input: tokens x width.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/dropout.hpp"

namespace recpo::bench {
namespace {

constexpr double kProbability = 0.05;

// Keys are all the same: the work does not depend on them.
template <class T>
void dropout_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1);
  const auto x = filled_matrix<T>(tokens, width), y = filled_matrix<T>(tokens, width);
  const OwnedVector<int> key("recpo::bench::key", tokens);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::dropout_forward<T>(exec, {key, 256, kProbability, 0}, x, y);
  });
  report_bytes(state, 2.0 * sizeof(T) * tokens * width);
}
BENCHMARK_TEMPLATE(dropout_forward, float)->Args({8192, 576})->Args({2048, 4096})->UseRealTime();
BENCHMARK_TEMPLATE(dropout_forward, Bfloat16)->Args({8192, 576})->Args({2048, 4096})->UseRealTime();

template <class T>
void dropout_backward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1);
  const auto dy = filled_matrix<T>(tokens, width), dx = filled_matrix<T>(tokens, width);
  const OwnedVector<int> key("recpo::bench::key", tokens);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::dropout_backward<T>(exec, {key, 256, kProbability, 0}, dy, dx);
  });
  report_bytes(state, 3.0 * sizeof(T) * tokens * width);
}
BENCHMARK_TEMPLATE(dropout_backward, float)->Args({8192, 576})->Args({2048, 4096})->UseRealTime();
BENCHMARK_TEMPLATE(dropout_backward, Bfloat16)->Args({8192, 576})->Args({2048, 4096})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
