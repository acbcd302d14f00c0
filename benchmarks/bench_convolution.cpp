// Caser's convolutions behind their product: windows of 20 items x hidden numbers, 16 filters of height 4, 1 vertical.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/convolution.hpp"

namespace recpo::bench {
namespace {

constexpr int kLength = 20, kHeight = 4, kFilters = 16;

void horizontal_forward(benchmark::State& state) {
  const std::int64_t windows = state.range(0);
  const auto products = filled_matrix<float>(windows * kLength, kHeight * kFilters),
             out = filled_matrix<float>(windows, kFilters);
  const auto bias = filled_vector<float>(kFilters);
  const OwnedMatrix<int> place("recpo::bench::place", windows, kFilters);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::horizontal_forward<float>(exec, kLength, kHeight, products, bias, out, place);
  });
  report_bytes(state, 1.0 * sizeof(float) * windows * kLength * kHeight * kFilters);
}
BENCHMARK(horizontal_forward)->Arg(32)->Arg(8192)->UseRealTime();

void horizontal_backward(benchmark::State& state) {
  const std::int64_t windows = state.range(0);
  const auto d_products = filled_matrix<float>(windows * kLength, kHeight * kFilters),
             d_out = filled_matrix<float>(windows, kFilters);
  const OwnedMatrix<int> place("recpo::bench::place", windows, kFilters);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::horizontal_backward<float>(exec, kLength, kHeight, place, d_out, d_products);
  });
  report_bytes(state, 1.0 * sizeof(float) * windows * kLength * kHeight * kFilters);
}
BENCHMARK(horizontal_backward)->Arg(32)->Arg(8192)->UseRealTime();

void vertical_forward(benchmark::State& state) {
  const std::int64_t windows = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<float>(windows * kLength, hidden), weight = filled_matrix<float>(1, kLength),
             out = filled_matrix<float>(windows, hidden);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::vertical_forward<float>(exec, kLength, x, weight, out); });
  report_bytes(state, 1.0 * sizeof(float) * windows * kLength * hidden);
}
BENCHMARK(vertical_forward)->Args({32, 64})->Args({8192, 64})->UseRealTime();

void vertical_backward(benchmark::State& state) {
  const std::int64_t windows = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<float>(windows * kLength, hidden), weight = filled_matrix<float>(1, kLength),
             d_out = filled_matrix<float>(windows, hidden), dx = filled_matrix<float>(windows * kLength, hidden),
             terms = filled_matrix<float>(windows, kLength);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::vertical_backward<float>(exec, kLength, x, weight, d_out, dx, terms);
  });
  report_bytes(state, 3.0 * sizeof(float) * windows * kLength * hidden);
}
BENCHMARK(vertical_backward)->Args({32, 64})->Args({8192, 64})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
