// Sums of squares, sums of vectors, rows gathered.
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
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::square_sum_chunks<float>(exec, x, kChunk, partial);
    exec.fence();
  }
  report_bytes(state, 4.0 * n);
}
BENCHMARK(square_sum_chunks)->Arg(1 << 26)->UseRealTime();

void add(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const auto x = filled_vector<float>(n), y = filled_vector<float>(n);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::add<float>(exec, x, y);
    exec.fence();
  }
  report_bytes(state, 4.0 * 3 * n);
}
BENCHMARK(add)->Arg(1 << 26)->UseRealTime();

void gather_rows(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), width = state.range(1), rows = tokens / 2;
  std::vector<int> host(rows);
  for (std::int64_t r = 0; r < rows; ++r) host[r] = static_cast<int>(2 * r);
  const OwnedVector<int> index("recpo::bench::rows", rows);
  Kokkos::deep_copy(index, HostVector<const int>(host.data(), rows));
  const auto x = filled_matrix<float>(tokens, width), out = filled_matrix<float>(rows, width);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::gather_rows<float>(exec, index, x, out);
    exec.fence();
  }
  report_bytes(state, 4.0 * 2 * rows * width);
}
BENCHMARK(gather_rows)->Args({32768, 576})->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
