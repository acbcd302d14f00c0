// RMSNorm: tokens x hidden; of heads, in place: tokens x heads of 128.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/norm.hpp"

namespace recpo::bench {
namespace {

template <class T>
void rms_norm_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<T>(tokens, hidden), y = filled_matrix<T>(tokens, hidden);
  const auto weight = filled_vector<T>(hidden);
  const auto r = filled_vector<Accumulate<T>>(tokens);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::rms_norm_forward<T>(exec, x, weight, 1e-5, y, r); });
  report_bytes(state, 2.0 * sizeof(T) * tokens * hidden);
}
BENCHMARK_TEMPLATE(rms_norm_forward, float)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();
BENCHMARK_TEMPLATE(rms_norm_forward, Bfloat16)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();
const auto* const device_forward =
    device_cases("rms_norm_forward<Bfloat16>", rms_norm_forward<Bfloat16>, {{16384, 4096}});

template <class T>
void rms_norm_backward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), hidden = state.range(1);
  const auto x = filled_matrix<T>(tokens, hidden), dy = filled_matrix<T>(tokens, hidden);
  const auto dx = filled_matrix<T>(tokens, hidden);
  const auto weight = filled_vector<T>(hidden);
  const auto r = filled_vector<Accumulate<T>>(tokens), d_weight = filled_vector<Accumulate<T>>(hidden);
  const auto workspace = filled_vector<Accumulate<T>>(kernels::rms_norm_workspace(tokens, hidden));
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::rms_norm_backward<T>(exec, x, weight, r, dy, dx, d_weight, workspace);
  });
  report_bytes(state, 4.0 * sizeof(T) * tokens * hidden);
}
BENCHMARK_TEMPLATE(rms_norm_backward, float)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();
BENCHMARK_TEMPLATE(rms_norm_backward, Bfloat16)->Args({16384, 576})->Args({4096, 4096})->UseRealTime();
const auto* const device_backward =
    device_cases("rms_norm_backward<Bfloat16>", rms_norm_backward<Bfloat16>, {{16384, 4096}});

constexpr std::int64_t kHeadDim = 128;

template <class T>
void head_norm_forward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), heads = state.range(1);
  const auto x = filled_matrix<T>(tokens, heads * kHeadDim), before = filled_matrix<T>(tokens, heads * kHeadDim);
  const auto weight = filled_vector<T>(kHeadDim);
  const auto r = filled_matrix<Accumulate<T>>(tokens, heads);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::head_norm_forward<T>(exec, weight, 1e-6, x, before, r); });
  report_bytes(state, 3.0 * sizeof(T) * tokens * heads * kHeadDim);
}
BENCHMARK_TEMPLATE(head_norm_forward, float)->Args({4096, 32})->UseRealTime();
BENCHMARK_TEMPLATE(head_norm_forward, Bfloat16)->Args({4096, 32})->UseRealTime();
const auto* const device_head_forward =
    device_cases("head_norm_forward<Bfloat16>", head_norm_forward<Bfloat16>, {{16384, 32}});

template <class T>
void head_norm_backward(benchmark::State& state) {
  const std::int64_t tokens = state.range(0), heads = state.range(1);
  const auto before = filled_matrix<T>(tokens, heads * kHeadDim), dx = filled_matrix<T>(tokens, heads * kHeadDim);
  const auto weight = filled_vector<T>(kHeadDim);
  const auto r = filled_matrix<Accumulate<T>>(tokens, heads);
  const auto d_weight = filled_vector<Accumulate<T>>(kHeadDim);
  const auto workspace = filled_vector<Accumulate<T>>(kernels::head_norm_workspace(tokens, kHeadDim));
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::head_norm_backward<T>(exec, weight, before, r, dx, d_weight, workspace);
  });
  report_bytes(state, 3.0 * sizeof(T) * tokens * heads * kHeadDim);
}
BENCHMARK_TEMPLATE(head_norm_backward, float)->Args({4096, 32})->UseRealTime();
BENCHMARK_TEMPLATE(head_norm_backward, Bfloat16)->Args({4096, 32})->UseRealTime();
const auto* const device_head_backward =
    device_cases("head_norm_backward<Bfloat16>", head_norm_backward<Bfloat16>, {{16384, 32}});

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
