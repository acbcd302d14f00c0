// Attention on token trees (training) and on a cache (generation). Operations are counted for the pairs that see each
// other: 4 D forward and 10 D backward for each pair and head (the backward's recomputed scores included). Trees are
// measured in both forms of attention, the fused one where there is cuDNN and a GPU, there with padded rows too.
#include "benchmarks/benchmark_context.hpp"
#include "kernels/attention_fused.hpp"

namespace recpo::bench {
namespace {

using kernels::AttentionBackend;
using kernels::AttentionLayout;
using kernels::AttentionMask;
using kernels::AttentionShape;
using kernels::AttentionSpan;

struct Problem {
  AttentionShape shape;
  std::vector<AttentionSpan> spans;
  OwnedVector<int> prefix_end, own_begin, own_end;
  std::int64_t queries = 0, keys = 0;
  double pairs = 0;  // of a head

  AttentionMask mask() const { return {prefix_end, own_begin, own_end}; }
  std::int64_t query_width() const { return shape.heads * shape.head_dim; }
  std::int64_t key_width() const { return shape.kv_heads * shape.head_dim; }
  std::int64_t width() const { return query_width() + 2 * key_width(); }
  bool is_square() const { return queries == keys; }
};

// Arguments: heads, key/value heads, D, trees, prompt tokens, answers, tokens of an answer.
Problem trees(const benchmark::State& state) {
  Problem problem;
  problem.shape = {static_cast<int>(state.range(0)), static_cast<int>(state.range(1)),
                   static_cast<int>(state.range(2))};
  std::vector<int> prefix_end, own_begin, own_end;
  const int prompt = static_cast<int>(state.range(4)), answer = static_cast<int>(state.range(6));
  int row = 0;
  for (std::int64_t tree = 0; tree < state.range(3); ++tree) {
    const int begin = row, end = begin + prompt + static_cast<int>(state.range(5)) * answer;
    for (; row < end; ++row) {
      const bool of_prompt = row < begin + prompt;
      prefix_end.push_back(of_prompt ? row + 1 : begin + prompt);
      own_begin.push_back(of_prompt ? row + 1 : row - (row - begin - prompt) % answer);
      own_end.push_back(row + 1);
      problem.pairs += prefix_end.back() - begin + own_end.back() - own_begin.back();
    }
    problem.spans.push_back({begin, end, begin, end});
  }
  problem.queries = problem.keys = row;
  problem.prefix_end = to_device(prefix_end);
  problem.own_begin = to_device(own_begin);
  problem.own_end = to_device(own_end);
  return problem;
}

// Arguments: heads, key/value heads, D, sequences, keys of a sequence. One query row each.
Problem generation(const benchmark::State& state) {
  Problem problem;
  problem.shape = {static_cast<int>(state.range(0)), static_cast<int>(state.range(1)),
                   static_cast<int>(state.range(2))};
  std::vector<int> end;
  for (std::int64_t i = 0; i < state.range(3); ++i) {
    problem.spans.push_back({i, i + 1, i * state.range(4), (i + 1) * state.range(4)});
    end.push_back(static_cast<int>((i + 1) * state.range(4)));
  }
  problem.queries = state.range(3);
  problem.keys = state.range(3) * state.range(4);
  problem.pairs = static_cast<double>(problem.keys);
  problem.prefix_end = problem.own_begin = problem.own_end = to_device(end);
  return problem;
}

// q, k and v are columns of one matrix, as in the model, where queries are keys; else k and v are a cache.
template <class T>
struct Tensors {
  explicit Tensors(const Problem& problem)
      : Tensors(problem, kernels::attention_workspace<T>(problem.shape, problem.spans)) {}
  Tensors(const Problem& problem, std::int64_t workspace_elements)
      : query_rows(filled_matrix<T>(problem.queries, problem.is_square() ? problem.width() : problem.query_width())),
        key_rows(filled_matrix<T>(problem.is_square() ? 1 : problem.keys, 2 * problem.key_width())),
        out(filled_matrix<T>(problem.queries, problem.query_width())),
        lse(filled_matrix<Accumulate<T>>(problem.queries, problem.shape.heads)),
        workspace(filled_vector<Accumulate<T>>(workspace_elements)) {
    const OwnedMatrix<T>& of_keys = problem.is_square() ? query_rows : key_rows;
    const std::int64_t first = problem.is_square() ? problem.query_width() : 0, width = problem.key_width();
    q = columns(query_rows, 0, problem.query_width());
    k = columns(of_keys, first, width);
    v = columns(of_keys, first + width, width);
  }
  static Matrix<T> columns(const OwnedMatrix<T>& matrix, std::int64_t begin, std::int64_t count) {
    return Kokkos::subview(matrix, Kokkos::ALL, Kokkos::pair<std::int64_t, std::int64_t>(begin, begin + count));
  }

  OwnedMatrix<T> query_rows, key_rows, out;
  OwnedMatrix<Accumulate<T>> lse;
  OwnedVector<Accumulate<T>> workspace;
  Matrix<T> q, k, v;
};

// Whether there is something to measure.
bool has_layout(benchmark::State& state, const Problem& problem, AttentionLayout layout) {
  const std::string unsupported_reason =
      kernels::fused_attention_unsupported_reason(problem.shape, problem.spans, layout);
  if (!unsupported_reason.empty()) state.SkipWithError(unsupported_reason.c_str());
  return unsupported_reason.empty();
}
bool has_form(benchmark::State& state, const Problem& problem, AttentionBackend form) {
  return form != AttentionBackend::kFused || has_layout(state, problem, AttentionLayout::kPacked);
}

template <class T>
void report_forward(benchmark::State& state, const Problem& problem) {
  report_flops<T>(state, 4.0 * problem.shape.head_dim * problem.shape.heads * problem.pairs);
}
template <class T>
void report_backward(benchmark::State& state, const Problem& problem) {
  report_flops<T>(state, 10.0 * problem.shape.head_dim * problem.shape.heads * problem.pairs);
}

template <class T>
void run_forward(benchmark::State& state, const Problem& problem, AttentionBackend form) {
  if (!has_form(state, problem, form)) return;
  const Tensors<T> t(problem);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::attention_forward<T>(exec, problem.shape, problem.spans, problem.mask(), t.q, t.k, t.v, t.out, t.lse,
                                  t.workspace, form);
  });
  report_forward<T>(state, problem);
}

template <class T, AttentionBackend form>
void tree_forward(benchmark::State& state) {
  run_forward<T>(state, trees(state), form);
}

template <class T, AttentionBackend form>
void tree_backward(benchmark::State& state) {
  const Problem problem = trees(state);
  if (!has_form(state, problem, form)) return;
  const Tensors<T> t(problem), d(problem);
  kernels::attention_forward<T>(ExecSpace(), problem.shape, problem.spans, problem.mask(), t.q, t.k, t.v, t.out, t.lse,
                                t.workspace, form);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::attention_backward<T>(exec, problem.shape, problem.spans, problem.mask(), t.q, t.k, t.v, t.out, t.lse,
                                   d.out, d.q, d.k, d.v, t.workspace, form);
  });
  report_backward<T>(state, problem);
}

// The fused form as on GPUs that do not take packed rows.
Tensors<Bfloat16> padded_tensors(const Problem& problem) {
  constexpr std::int64_t kElement = sizeof(float);
  const std::int64_t bytes =
      kernels::fused_attention_workspace_bytes(problem.shape, problem.spans, AttentionLayout::kPadded);
  return Tensors<Bfloat16>(problem, (bytes + kElement - 1) / kElement);
}

void padded_tree_forward(benchmark::State& state) {
  const Problem problem = trees(state);
  if (!has_layout(state, problem, AttentionLayout::kPadded)) return;
  const Tensors<Bfloat16> t = padded_tensors(problem);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::fused_attention_forward(exec, problem.shape, problem.spans, problem.mask(), t.q, t.k, t.v, t.out, t.lse,
                                     t.workspace, AttentionLayout::kPadded);
  });
  report_forward<Bfloat16>(state, problem);
}

void padded_tree_backward(benchmark::State& state) {
  const Problem problem = trees(state);
  if (!has_layout(state, problem, AttentionLayout::kPadded)) return;
  const Tensors<Bfloat16> t = padded_tensors(problem), d(problem, 1);
  kernels::fused_attention_forward(ExecSpace(), problem.shape, problem.spans, problem.mask(), t.q, t.k, t.v, t.out,
                                   t.lse, t.workspace, AttentionLayout::kPadded);
  time_kernel(state, [&](const ExecSpace& exec) {
    kernels::fused_attention_backward(exec, problem.shape, problem.spans, problem.mask(), t.q, t.k, t.v, t.out, t.lse,
                                      d.out, d.q, d.k, d.v, t.workspace, AttentionLayout::kPadded);
  });
  report_backward<Bfloat16>(state, problem);
}

// Bound by reading the keys and values.
template <class T>
void cache_forward(benchmark::State& state) {
  const Problem problem = generation(state);
  run_forward<T>(state, problem, AttentionBackend::kGemm);
  report_bytes(state, 2.0 * sizeof(T) * static_cast<double>(problem.keys * problem.key_width()));
}

void tree_shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({9, 3, 64, 4, 250, 4, 10})->Args({32, 8, 128, 4, 1024, 4, 9})->UseRealTime();
}
void cache_shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({9, 3, 64, 20, 300})->Args({9, 3, 64, 1, 300})->Args({32, 8, 128, 16, 1024})->UseRealTime();
}
BENCHMARK_TEMPLATE(tree_forward, float, AttentionBackend::kGemm)->Apply(tree_shapes);
BENCHMARK_TEMPLATE(tree_forward, Bfloat16, AttentionBackend::kGemm)->Apply(tree_shapes);
BENCHMARK_TEMPLATE(tree_forward, Bfloat16, AttentionBackend::kFused)->Apply(tree_shapes);
BENCHMARK_TEMPLATE(tree_backward, float, AttentionBackend::kGemm)->Apply(tree_shapes);
BENCHMARK_TEMPLATE(tree_backward, Bfloat16, AttentionBackend::kGemm)->Apply(tree_shapes);
BENCHMARK_TEMPLATE(tree_backward, Bfloat16, AttentionBackend::kFused)->Apply(tree_shapes);
BENCHMARK_TEMPLATE(cache_forward, float)->Apply(cache_shapes);
BENCHMARK_TEMPLATE(cache_forward, Bfloat16)->Apply(cache_shapes);

const std::vector<std::vector<std::int64_t>> kDeviceTrees = {{32, 8, 128, 4, 1024, 4, 9}};
const auto* const device_forward_products = device_cases("tree_forward<Bfloat16, AttentionForm::kProducts>",
                                                         tree_forward<Bfloat16, AttentionBackend::kGemm>, kDeviceTrees);
const auto* const device_forward_fused = device_cases("tree_forward<Bfloat16, AttentionForm::kFused>",
                                                      tree_forward<Bfloat16, AttentionBackend::kFused>, kDeviceTrees);
const auto* const device_forward_padded = device_cases("padded_tree_forward", padded_tree_forward, kDeviceTrees);
const auto* const device_backward_products =
    device_cases("tree_backward<Bfloat16, AttentionForm::kProducts>", tree_backward<Bfloat16, AttentionBackend::kGemm>,
                 kDeviceTrees);
const auto* const device_backward_fused = device_cases("tree_backward<Bfloat16, AttentionForm::kFused>",
                                                       tree_backward<Bfloat16, AttentionBackend::kFused>, kDeviceTrees);
const auto* const device_backward_padded = device_cases("padded_tree_backward", padded_tree_backward, kDeviceTrees);

}  // namespace
}  // namespace recpo::bench

RECPO_BENCHMARK_MAIN()
