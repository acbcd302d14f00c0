// Sums of squares, sums of vectors, vectors in another type, rows gathered.
#include <vector>

#include "benchmarks/benchmark_context.hpp"
#include "kernels/reductions.hpp"

namespace recpo::bench {
namespace {

void square_sum_chunks(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const auto x = filled_vector<float>(n);
  constexpr std::int64_t kChunk = 1 << 16;
  const auto partial = filled_vector<double>((n + kChunk - 1) / kChunk);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::square_sum_chunks<float>(exec, x, kChunk, partial); });
  report_bytes(state, 4.0 * n);
}
BENCHMARK(square_sum_chunks)->Arg(1 << 26)->UseRealTime();
const auto* const device_square_sums = device_cases("square_sum_chunks", square_sum_chunks, {{200'000'000}});

template <class T>
void add(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const auto x = filled_vector<T>(n), y = filled_vector<T>(n);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::add<T>(exec, x, y); });
  report_bytes(state, 3.0 * sizeof(T) * n);
}
BENCHMARK_TEMPLATE(add, float)->Arg(1 << 26)->UseRealTime();
BENCHMARK_TEMPLATE(add, Bfloat16)->Arg(1 << 26)->UseRealTime();
const auto* const device_add = device_cases("add<Bfloat16>", add<Bfloat16>, {{200'000'000}});

template <class From, class To>
void convert(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const auto x = filled_vector<From>(n);
  const auto y = filled_vector<To>(n);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::convert<From, To>(exec, x, y); });
  report_bytes(state, static_cast<double>(n) * (sizeof(From) + sizeof(To)));
}
BENCHMARK_TEMPLATE(convert, float, Bfloat16)->Arg(1 << 26)->UseRealTime();
BENCHMARK_TEMPLATE(convert, Bfloat16, float)->Arg(1 << 26)->UseRealTime();
const auto* const device_convert = device_cases("convert<float, Bfloat16>", convert<float, Bfloat16>, {{200'000'000}});

template <class T>
void gather_rows(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1), rows = tokens / 2;
  std::vector<int> host(rows);
  for (std::int64_t r = 0; r < rows; ++r) host[r] = static_cast<int>(2 * r);
  const OwnedVector<int> index("recpo::bench::rows", rows);
  Kokkos::deep_copy(index, HostVector<const int>(host.data(), rows));
  const auto x = filled_matrix<T>(tokens, width), out = filled_matrix<T>(rows, width);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::gather_rows<T>(exec, index, x, out); });
  report_bytes(state, 2.0 * sizeof(T) * rows * width);
}
BENCHMARK_TEMPLATE(gather_rows, float)->Args({32768, 576})->UseRealTime();
BENCHMARK_TEMPLATE(gather_rows, Bfloat16)->Args({32768, 576})->UseRealTime();
const auto* const device_gather = device_cases("gather_rows<Bfloat16>", gather_rows<Bfloat16>, {{32768, 4096}});

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
