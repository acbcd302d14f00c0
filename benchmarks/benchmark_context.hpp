#pragma once
// What every benchmark says about itself: the program's version, the backend, its threads, and the machine's own
// limits measured in the same process (memory bandwidth by a triad and a copy, the rate of a large matrix product),
// because figures of different machines compare as fractions only. Bytes are what an algorithm must move: every operand
// read or written once.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "benchmarks/device.hpp"
#include "kernels/gemm.hpp"
#include "kernels/row.hpp"
#include "src/support/units.hpp"
#include "src/support/version.hpp"
#include "src/support/views.hpp"

namespace recpo::bench {

// Cases for a device have names with "device" in them and are not registered on the host.
inline constexpr bool kOnDevice = !kOnHost;

// A launch on a device returns at once, and a fence costs about ten microseconds that belong to no kernel: so many
// launches share one.
inline constexpr int kLaunches = kOnDevice ? 20 : 1;

// The timed loop: launch(exec) does one iteration's work, asynchronously.
template <class Launch>
void time_kernel(benchmark::State& state, const Launch& launch) {
  const ExecSpace exec;
  if constexpr (kOnDevice) launch(exec);  // loads the kernel's code
  exec.fence();
  while (state.KeepRunningBatch(kLaunches)) {
    for (int i = 0; i < kLaunches; ++i) launch(exec);
    exec.fence();
  }
}

// NAME/device with these arguments, on a device only: sizes far beyond its caches. Null on the host.
template <class Function>
benchmark::internal::Benchmark* device_cases(const char* name, Function function,
                                             const std::vector<std::vector<std::int64_t>>& arguments) {
  if constexpr (!kOnDevice) return nullptr;
  auto* cases = benchmark::RegisterBenchmark(fmt::format("{}/device", name).c_str(), function);
  for (const auto& of_case : arguments) cases->Args(of_case);
  return cases->UseRealTime();
}

inline void triad(const ExecSpace& exec, Vector<const float> b, Vector<const float> c, Vector<float> a) {
  const float *b_data = b.data(), *c_data = c.data();
  float* a_data = a.data();
  kernels::for_each_element(
      exec, "recpo::bench::triad", a.extent(0),
      KOKKOS_LAMBDA(std::int64_t i) { a_data[i] = b_data[i] + 0.5f * c_data[i]; });
}

// Seconds of launch(exec), the shortest of ten rounds.
template <class Launch>
double shortest_seconds(const Launch& launch) {
  const ExecSpace exec;
  double shortest = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 10; ++round) {
    exec.fence();
    const auto start = Clock::now();
    for (int i = 0; i < kLaunches; ++i) launch(exec);
    exec.fence();
    const double seconds = seconds_since(start);
    shortest = std::min(shortest, seconds / kLaunches);
  }
  return shortest;
}

// Bytes a second of a triad over arrays of 256 MiB each, far beyond any cache; on a device of a plain copy where that
// is faster. Measured once.
inline double measured_bandwidth() {
  static const double bandwidth = [] {
    const std::int64_t n = std::int64_t{64} << 20;
    const OwnedVector<float> a("recpo::bench::a", n), b("recpo::bench::b", n), c("recpo::bench::c", n);
    const double array_bytes = sizeof(float) * static_cast<double>(n);
    double best = 3 * array_bytes / shortest_seconds([&](const ExecSpace& exec) { triad(exec, b, c, a); });
    if constexpr (kOnDevice) {
      const double copy = shortest_seconds([&](const ExecSpace& exec) { Kokkos::deep_copy(exec, a, b); });
      best = std::max(best, 2 * array_bytes / copy);
    }
    return best;
  }();
  return bandwidth;
}

// After the timed loop: GB/s, and the fraction of the measured bandwidth.
inline void report_bytes(benchmark::State& state, double bytes) {
  using benchmark::Counter;
  state.counters["GB/s"] = Counter(bytes * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["of_bandwidth"] = Counter(bytes / measured_bandwidth(), Counter::kIsIterationInvariantRate);
}

// GFLOP/s, and the fraction of the rate of a large product; where T is not float, of one in float too.
template <class T>
void report_flops(benchmark::State& state, double flops) {
  using benchmark::Counter;
  const auto fraction = [&](double rate) { return Counter(flops / rate, Counter::kIsIterationInvariantRate); };
  state.counters["GFLOP/s"] = Counter(flops * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["of_gemm"] = fraction(kernels::measured_gemm_rate<T>());
  if constexpr (!std::is_same_v<T, float>) {
    state.counters["of_float_gemm"] = fraction(kernels::measured_gemm_rate<float>());
  }
}

// A matrix of small distinct numbers: zeros would take shortcuts that data does not.
template <class T>
OwnedMatrix<T> filled_matrix(std::int64_t rows, std::int64_t columns) {
  const OwnedMatrix<T> matrix(Kokkos::view_alloc(Kokkos::WithoutInitializing, "recpo::bench::matrix"), rows, columns);
  T* data = matrix.data();
  kernels::for_each_element(
      ExecSpace(), "recpo::bench::fill", rows * columns,
      KOKKOS_LAMBDA(std::int64_t i) { data[i] = static_cast<T>((i * 7919) % 1021) / 256 - 2; });
  return matrix;
}

inline OwnedVector<int> to_device(const std::vector<int>& values) {
  const OwnedVector<int> device(Kokkos::view_alloc("recpo::bench::ints", Kokkos::WithoutInitializing), values.size());
  Kokkos::deep_copy(device, HostVector<const int>(values.data(), values.size()));
  return device;
}

template <class T>
OwnedVector<T> filled_vector(std::int64_t n) {
  const OwnedMatrix<T> row = filled_matrix<T>(1, n);
  return Kokkos::subview(row, 0, Kokkos::ALL);
}

// The main of every benchmark.
inline int run(int argc, char** argv) {
  const Kokkos::ScopeGuard kokkos(Kokkos::InitializationSettings().set_disable_warnings(true));
  kernels::initialize_gemm();
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("recpo",
                              fmt::format("{} ({}), {}", program_version(), git_description(), build_description()));
  benchmark::AddCustomContext("backend", fmt::format("{}, {} threads", ExecSpace::name(), ExecSpace().concurrency()));
  benchmark::AddCustomContext("gemm", fmt::format("{}, {:.0f} GFLOP/s in float", kernels::gemm_description(),
                                                  kernels::measured_gemm_rate<float>() * 1e-9));
  if constexpr (kOnDevice) {
    benchmark::AddCustomContext("device", device_name());
    if (const std::optional<double> peak = peak_bfloat16_flops(device_name())) {
      benchmark::AddCustomContext("peak_bf16", fmt::format("{:.4g} FLOP/s by the data sheet", *peak));
    }
    benchmark::AddCustomContext("gemm_bf16", fmt::format("{:.0f} GFLOP/s with operands in bfloat16",
                                                         kernels::measured_gemm_rate<Bfloat16>() * 1e-9));
  }
  benchmark::AddCustomContext(
      "bandwidth", fmt::format("{:.1f} GB/s ({})", measured_bandwidth() * 1e-9, kOnDevice ? "triad or copy" : "triad"));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace recpo::bench

#define RECPO_BENCHMARK_MAIN() \
  int main(int argc, char** argv) { return recpo::bench::run(argc, argv); }
