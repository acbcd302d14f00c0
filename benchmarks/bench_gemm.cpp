// Matrix products of training and generation: the blocks of SmolLM2-135M and Llama-3.1-8B, the vocabulary head, the
// scores of attention. In bfloat16 the gradients of weights and the scores are float, as the program has them. On a
// device, `of_cublas_best` compares with the best algorithm that cuBLAS offers for the same product.

#include <vector>

#include "benchmarks/benchmark_context.hpp"
#include "benchmarks/cublas_best.hpp"
#include "kernels/gemm.hpp"

namespace recpo::bench {
namespace {

using kernels::Op;

// c [m, n] (+)= op(a) op(b) with m, n, k the arguments. T of the operands, C of the result.
template <class T, class C>
void run_product(benchmark::State& state, Op op_a, Op op_b, float beta) {
  const std::int64_t m = state.range(0), n = state.range(1), k = state.range(2);
  const bool a_transposed = op_a == Op::kTranspose, b_transposed = op_b == Op::kTranspose;
  const auto a = a_transposed ? filled_matrix<T>(k, m) : filled_matrix<T>(m, k);
  const auto b = b_transposed ? filled_matrix<T>(n, k) : filled_matrix<T>(k, n);
  const auto c = filled_matrix<C>(m, n);
  time_kernel(state, [&](const ExecSpace& exec) { kernels::gemm<T, C>(exec, op_a, op_b, 1, a, b, beta, c); });
  report_flops<T>(state, 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k));
  const kernels::GemmCall<T, C> call{.op_a = op_a,
                                     .op_b = op_b,
                                     .m = m,
                                     .n = n,
                                     .k = k,
                                     .a = a.data(),
                                     .lda = a_transposed ? m : k,
                                     .b = b.data(),
                                     .ldb = b_transposed ? k : n,
                                     .beta = beta,
                                     .c = c.data(),
                                     .ldc = n};
  if (const std::optional<double> best = best_cublas_seconds<T, C>(call)) {
    state.counters["of_cublas_best"] = benchmark::Counter(*best, benchmark::Counter::kIsIterationInvariantRate);
  }
}

// y [m, n] = x [m, k] W [n, k]^T
template <class T>
void forward(benchmark::State& state) {
  run_product<T, T>(state, Op::kNone, Op::kTranspose, 0);
}

// dx [m, n] = dy [m, k] W [k, n]
template <class T>
void input_gradient(benchmark::State& state) {
  run_product<T, T>(state, Op::kNone, Op::kNone, 0);
}

// dW [m, n] += dy [k, m]^T x [k, n]
template <class T>
void weight_gradient(benchmark::State& state) {
  run_product<T, Accumulate<T>>(state, Op::kTranspose, Op::kNone, 1);
}

// Of each head, scores [rows, keys] = q [rows, D] k [keys, D]^T, or out [rows, D] = p [rows, keys] v [keys, D] with the
// heads side by side in a row of q, k, v and out. Arguments: heads, rows, keys, D.
template <class T, class C>
void run_heads(benchmark::State& state, bool scores) {
  const std::int64_t heads = state.range(0), rows = state.range(1), keys = state.range(2), head_dim = state.range(3);
  const std::int64_t width = heads * head_dim;
  const auto key_side = filled_matrix<T>(keys, width);
  const auto in = scores ? filled_matrix<T>(rows, width) : filled_matrix<T>(heads * rows, keys);
  const auto out = scores ? filled_matrix<C>(heads * rows, keys) : filled_matrix<C>(rows, width);
  std::vector<kernels::GemmCall<T, C>> calls;
  for (std::int64_t head = 0; head < heads; ++head) {
    const std::int64_t of_rows = head * head_dim, of_scores = head * rows * keys;
    calls.push_back({.op_b = scores ? Op::kTranspose : Op::kNone,
                     .m = rows,
                     .n = scores ? keys : head_dim,
                     .k = scores ? head_dim : keys,
                     .a = in.data() + (scores ? of_rows : of_scores),
                     .lda = scores ? width : keys,
                     .b = key_side.data() + of_rows,
                     .ldb = width,
                     .c = out.data() + (scores ? of_scores : of_rows),
                     .ldc = scores ? keys : width});
  }
  time_kernel(state, [&](const ExecSpace& exec) { kernels::gemm_batched<T, C>(exec, calls); });
  report_flops<T>(state, 2.0 * static_cast<double>(heads * rows) * static_cast<double>(keys * head_dim));
}

template <class T>
void head_scores(benchmark::State& state) {
  run_heads<T, Accumulate<T>>(state, true);
}
template <class T>
void head_sums(benchmark::State& state) {
  run_heads<T, T>(state, false);
}

// A block of SmolLM2-135M on 4 trees of 290 tokens, on one tree, and on 20 rows of generation; projections of
// Llama-3.1-8B; the vocabulary head on the rows of one set and of ten.
void forward_shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({1160, 960, 576})->Args({1160, 576, 576})->Args({1160, 3072, 576})->Args({1160, 576, 1536});
  bench->Args({290, 3072, 576})->Args({20, 3072, 576})->Args({512, 4096, 4096})->Args({1024, 14336, 4096});
  bench->Args({40, 49152, 576})->Args({400, 49152, 576})->UseRealTime();
}
void input_gradient_shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({1160, 576, 960})->Args({1160, 576, 3072})->Args({1160, 1536, 576})->Args({1024, 4096, 14336});
  bench->Args({40, 576, 49152})->Args({400, 576, 49152})->UseRealTime();
}
void weight_gradient_shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({960, 576, 1160})->Args({3072, 576, 1160})->Args({576, 1536, 1160})->Args({3072, 576, 290});
  bench->Args({14336, 4096, 1024})->Args({49152, 576, 40})->Args({49152, 576, 400})->UseRealTime();
}
// A chunk of query rows behind a prompt, and a row of generation.
void head_shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({9, 64, 1000, 64})->Args({32, 64, 1000, 128})->Args({9, 1, 300, 64})->UseRealTime();
}

BENCHMARK_TEMPLATE(forward, float)->Apply(forward_shapes);
BENCHMARK_TEMPLATE(forward, Bfloat16)->Apply(forward_shapes);
BENCHMARK_TEMPLATE(input_gradient, float)->Apply(input_gradient_shapes);
BENCHMARK_TEMPLATE(input_gradient, Bfloat16)->Apply(input_gradient_shapes);
BENCHMARK_TEMPLATE(weight_gradient, float)->Apply(weight_gradient_shapes);
BENCHMARK_TEMPLATE(weight_gradient, Bfloat16)->Apply(weight_gradient_shapes);
BENCHMARK_TEMPLATE(head_scores, float)->Apply(head_shapes);
BENCHMARK_TEMPLATE(head_scores, Bfloat16)->Apply(head_shapes);
BENCHMARK_TEMPLATE(head_sums, float)->Apply(head_shapes);
BENCHMARK_TEMPLATE(head_sums, Bfloat16)->Apply(head_shapes);

// Llama-3.1-8B on micro-batches of 4,096 and 8,192 tokens: q|k|v, o, gate|up, down; the head on 512 rows.
struct Projection {
  std::int64_t out, in;
};
constexpr Projection kProjections[] = {{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}};
constexpr Projection kHead = {128256, 4096};

using Arguments = std::vector<std::vector<std::int64_t>>;
template <class Shape>
Arguments of_projections(const Shape& shape) {
  Arguments arguments;
  for (const std::int64_t tokens : {4096, 8192}) {
    for (const Projection& projection : kProjections) arguments.push_back(shape(tokens, projection));
  }
  arguments.push_back(shape(512, kHead));
  return arguments;
}
const auto* const device_forward =
    device_cases("forward<Bfloat16>", forward<Bfloat16>, of_projections([](std::int64_t tokens, const Projection& p) {
                   return std::vector{tokens, p.out, p.in};
                 }));
const auto* const device_input_gradient = device_cases("input_gradient<Bfloat16>", input_gradient<Bfloat16>,
                                                       of_projections([](std::int64_t tokens, const Projection& p) {
                                                         return std::vector{tokens, p.in, p.out};
                                                       }));
const auto* const device_weight_gradient = device_cases("weight_gradient<Bfloat16>", weight_gradient<Bfloat16>,
                                                        of_projections([](std::int64_t tokens, const Projection& p) {
                                                          return std::vector{p.out, p.in, tokens};
                                                        }));

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
