// Bias with rectifier, and the sum over rows: rows x width.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/bias.hpp"

namespace recpo::bench {
namespace {

void bias_relu_forward(benchmark::State& state) {
  const std::int64_t rows = state.range(0), width = state.range(1);
  const auto y = filled_matrix<float>(rows, width);
  const auto bias = filled_vector<float>(width);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::bias_relu_forward<float>(exec, bias, y); });
  report_bytes(state, 2.0 * sizeof(float) * rows * width);
}
BENCHMARK(bias_relu_forward)->Args({640, 64})->Args({65536, 256})->UseRealTime();

void bias_backward(benchmark::State& state) {
  const std::int64_t rows = state.range(0), width = state.range(1);
  const auto dy = filled_matrix<float>(rows, width);
  const auto d_bias = filled_vector<float>(width),
             workspace = filled_vector<float>(kernels::bias_workspace(rows, width));
  time_kernel(state, [&](const ExecSpace& exec) { kernels::bias_backward<float>(exec, dy, d_bias, workspace); });
  report_bytes(state, 1.0 * sizeof(float) * rows * width);
}
BENCHMARK(bias_backward)->Args({640, 64})->Args({65536, 256})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
