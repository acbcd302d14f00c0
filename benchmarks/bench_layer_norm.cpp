// Layer normalization: rows x hidden.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/norm.hpp"

namespace recpo::bench {
namespace {

void layer_norm_forward(benchmark::State& state) {
  const std::int64_t rows = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<float>(rows, hidden), y = filled_matrix<float>(rows, hidden);
  const auto weight = filled_vector<float>(hidden), bias = filled_vector<float>(hidden),
             mean = filled_vector<float>(rows), inverse = filled_vector<float>(rows);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::layer_norm_forward<float>(exec, x, weight, bias, 1e-8, y, mean, inverse);
  });
  report_bytes(state, 2.0 * sizeof(float) * rows * hidden);
}
BENCHMARK(layer_norm_forward)->Args({640, 64})->Args({65536, 256})->UseRealTime();

void layer_norm_backward(benchmark::State& state) {
  const std::int64_t rows = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<float>(rows, hidden), dy = filled_matrix<float>(rows, hidden),
             dx = filled_matrix<float>(rows, hidden);
  const auto weight = filled_vector<float>(hidden), d_weight = filled_vector<float>(hidden),
             d_bias = filled_vector<float>(hidden), mean = filled_vector<float>(rows),
             inverse = filled_vector<float>(rows),
             workspace = filled_vector<float>(kernels::layer_norm_workspace(rows, hidden));
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::layer_norm_backward<float>(exec, x, weight, mean, inverse, dy, dx, d_weight, d_bias, workspace);
  });
  report_bytes(state, 4.0 * sizeof(float) * rows * hidden);
}
BENCHMARK(layer_norm_backward)->Args({640, 64})->Args({65536, 256})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
