// Log-probs of answer tokens: rows x vocabulary, two targets a row.
#include <vector>

#include "benchmarks/benchmark_context.hpp"
#include "kernels/sequence_logp.hpp"

namespace recpo::bench {
namespace {

struct Targets {
  OwnedVector<int> begin, token;
  OwnedVector<float> lse, d;

  Targets(std::int64_t rows, std::int64_t vocab) : lse("recpo::bench::lse", rows), d("recpo::bench::d", 2 * rows) {
    std::vector<int> host_begin(rows + 1), host_token(2 * rows);
    for (std::int64_t r = 0; r <= rows; ++r) host_begin[r] = static_cast<int>(2 * r);
    for (std::int64_t m = 0; m < 2 * rows; ++m) host_token[m] = static_cast<int>(m * 7919 % vocab);
    begin = to_device(host_begin);
    token = to_device(host_token);
    Kokkos::deep_copy(lse, 12.0f);
    Kokkos::deep_copy(d, 0.5f);
  }
};

void sequence_logp_forward(benchmark::State& state) {
  const std::int64_t rows = state.range(0), vocab = state.range(1);
  const auto logits = filled_matrix<float>(rows, vocab);
  const Targets targets(rows, vocab);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::sequence_logp_forward<float>(exec, logits, static_cast<int>(vocab), targets.begin, targets.token,
                                          targets.lse, targets.d);
  });
  report_bytes(state, 4.0 * rows * vocab);
}
BENCHMARK(sequence_logp_forward)->Args({320, 49152})->Args({320, 128256})->UseRealTime();
const auto* const device_forward = device_cases("sequence_logp_forward", sequence_logp_forward, {{512, 128256}});

// To memory of its own, as for a gradient in a shorter type.
template <class D>
void sequence_logp_backward(benchmark::State& state) {
  const std::int64_t rows = state.range(0), vocab = state.range(1);
  const auto logits = filled_matrix<float>(rows, vocab);
  const auto d_logits = filled_matrix<D>(rows, vocab);
  const Targets targets(rows, vocab);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::sequence_logp_backward<float, D>(exec, targets.begin, targets.token, targets.lse, targets.d,
                                              static_cast<int>(vocab), logits, d_logits);
  });
  report_bytes(state, static_cast<double>(rows * vocab) * (sizeof(float) + sizeof(D)));
}
BENCHMARK_TEMPLATE(sequence_logp_backward, float)->Args({320, 49152})->Args({320, 128256})->UseRealTime();
BENCHMARK_TEMPLATE(sequence_logp_backward, Bfloat16)->Args({320, 49152})->Args({320, 128256})->UseRealTime();
const auto* const device_backward =
    device_cases("sequence_logp_backward<Bfloat16>", sequence_logp_backward<Bfloat16>, {{512, 128256}});

void argmax_rows(benchmark::State& state) {
  const std::int64_t rows = state.range(0), vocab = state.range(1);
  const auto logits = filled_matrix<float>(rows, vocab);
  const OwnedVector<int> index("recpo::bench::index", rows);
  const OwnedVector<float> largest("recpo::bench::largest", rows), second("recpo::bench::second", rows);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::argmax_rows<float>(exec, logits, static_cast<int>(vocab), index, largest, second);
  });
  report_bytes(state, 4.0 * rows * vocab);
}
BENCHMARK(argmax_rows)->Args({320, 49152})->UseRealTime();
const auto* const device_argmax = device_cases("argmax_rows", argmax_rows, {{512, 128256}});

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
