// Embedding forward and backward: tokens x hidden over a vocabulary of 49152, ids in groups of eight.
#include <vector>

#include "benchmarks/benchmark_context.hpp"
#include "kernels/embedding.hpp"

namespace recpo::bench {
namespace {

constexpr std::int64_t kVocab = 49152;
constexpr int kGroup = 8;

OwnedVector<int> ints(std::int64_t n, int factor, int divisor, std::int64_t modulus) {
  std::vector<int> host(n);
  for (std::int64_t i = 0; i < n; ++i) host[i] = static_cast<int>(i / divisor * factor % modulus);
  const OwnedVector<int> device("recpo::bench::ints", n);
  Kokkos::deep_copy(device, HostVector<const int>(host.data(), n));
  return device;
}

template <class T>
void embedding_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), hidden = state.range(1);
  const auto table = filled_matrix<T>(kVocab, hidden), out = filled_matrix<T>(tokens, hidden);
  const auto ids = ints(tokens, 7919, kGroup, kVocab);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::embedding_forward<T>(exec, ids, table, out); });
  report_bytes(state, sizeof(T) * (1 + 1.0 / kGroup) * tokens * hidden);
}
BENCHMARK_TEMPLATE(embedding_forward, float)->Args({16384, 576})->UseRealTime();
BENCHMARK_TEMPLATE(embedding_forward, Bfloat16)->Args({16384, 576})->UseRealTime();
const auto* const device_forward =
    device_cases("embedding_forward<Bfloat16>", embedding_forward<Bfloat16>, {{32768, 4096}});

template <class T>
void embedding_backward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), hidden = state.range(1), groups = tokens / kGroup;
  const auto d_out = filled_matrix<T>(tokens, hidden);
  const auto d_table = filled_matrix<Accumulate<T>>(kVocab, hidden);
  const auto group_token = ints(groups, 7919, 1, kVocab), begin = ints(groups + 1, kGroup, 1, tokens + 1);
  const auto order = ints(tokens, 1, 1, tokens);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::embedding_backward<T>(exec, group_token, begin, order, d_out, d_table);
  });
  report_bytes(state, (sizeof(T) + sizeof(Accumulate<T>) * 2.0 / kGroup) * tokens * hidden);
}
BENCHMARK_TEMPLATE(embedding_backward, float)->Args({16384, 576})->UseRealTime();
BENCHMARK_TEMPLATE(embedding_backward, Bfloat16)->Args({16384, 576})->UseRealTime();
const auto* const device_backward =
    device_cases("embedding_backward<Bfloat16>", embedding_backward<Bfloat16>, {{32768, 4096}});

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
