// Matrix products of training and generation: the blocks of SmolLM2-135M and Llama-3.1-8B, the vocabulary head.

#include "benchmarks/benchmark_context.hpp"
#include "kernels/gemm.hpp"

namespace recpo::bench {
namespace {

using kernels::Op;

double flops(const benchmark::State& state) {
  return 2.0 * static_cast<double>(state.range(0)) * static_cast<double>(state.range(1)) *
         static_cast<double>(state.range(2));
}

// y [m, n] = x [m, k] W [n, k]^T
void forward(benchmark::State& state) {
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const auto x = filled_matrix<float>(m, k), weight = filled_matrix<float>(n, k), y = filled_matrix<float>(m, n);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::gemm<float>(exec, Op::kNone, Op::kTranspose, 1, x, weight, 0, y);
    exec.fence();
  }
  report_flops<float>(state, flops(state));
}

// dx [m, n] = dy [m, k] W [k, n]
void input_gradient(benchmark::State& state) {
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const auto dy = filled_matrix<float>(m, k), weight = filled_matrix<float>(k, n), dx = filled_matrix<float>(m, n);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::gemm<float>(exec, Op::kNone, Op::kNone, 1, dy, weight, 0, dx);
    exec.fence();
  }
  report_flops<float>(state, flops(state));
}

// dW [m, n] += dy [k, m]^T x [k, n]
void weight_gradient(benchmark::State& state) {
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const auto dy = filled_matrix<float>(k, m), x = filled_matrix<float>(k, n), d_weight = filled_matrix<float>(m, n);
  const ExecSpace exec;
  for (auto _ : state) {
    kernels::gemm<float>(exec, Op::kTranspose, Op::kNone, 1, dy, x, 1, d_weight);
    exec.fence();
  }
  report_flops<float>(state, flops(state));
}

// A block of SmolLM2-135M on 4 trees of 290 tokens, on one tree, and on 20 rows of generation; a projection of
// Llama-3.1-8B; the vocabulary head on the rows of one set and of ten.
BENCHMARK(forward)
    ->Args({1160, 960, 576})
    ->Args({1160, 576, 576})
    ->Args({1160, 3072, 576})
    ->Args({1160, 576, 1536})
    ->Args({290, 3072, 576})
    ->Args({20, 3072, 576})
    ->Args({1024, 14336, 4096})
    ->Args({40, 49152, 576})
    ->Args({400, 49152, 576})
    ->UseRealTime();
BENCHMARK(input_gradient)
    ->Args({1160, 576, 960})
    ->Args({1160, 576, 3072})
    ->Args({1160, 1536, 576})
    ->Args({1024, 4096, 14336})
    ->Args({40, 576, 49152})
    ->Args({400, 576, 49152})
    ->UseRealTime();
BENCHMARK(weight_gradient)
    ->Args({960, 576, 1160})
    ->Args({3072, 576, 1160})
    ->Args({576, 1536, 1160})
    ->Args({3072, 576, 290})
    ->Args({14336, 4096, 1024})
    ->Args({49152, 576, 40})
    ->Args({49152, 576, 400})
    ->UseRealTime();

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
