#include "kernels/attention.hpp"

#include <cmath>

#include "kernels/attention_chunks.hpp"
#include "kernels/attention_fused.hpp"
#include "kernels/gemm.hpp"
#include "kernels/row.hpp"
#include "src/support/check.hpp"

namespace recpo::kernels {

namespace {

// The products of one chunk. Member functions append one call for each head that they concern.
//
// With one query row (generation) the query heads of a group are the rows of one product: they share keys and values,
// lie behind each other, and their scores do too. With more rows a head is a product of its own.
template <class T>
class ChunkProducts {
 public:
  using Sum = Accumulate<T>;
  using ScoreCalls = std::vector<GemmCall<T, Sum>>;

  ChunkProducts(const AttentionShape& shape, const AttentionChunk& chunk)
      : shape_(shape), chunk_(chunk), group_(shape.heads / shape.kv_heads), stacked_(chunk.rows == 1) {}

  // Products that write the same dk and dv, and so belong to different batches.
  int turns() const { return stacked_ ? 1 : group_; }

  // scores = alpha x y^T with x of the query rows, y of the keys
  void append_scores(Sum alpha, Matrix<const T> x, Matrix<const T> y, Sum* scores, ScoreCalls& calls) const {
    for_each_head([&](int head, int kv_head) {
      calls.push_back({.op_b = Op::kTranspose,
                       .m = rows(),
                       .n = chunk_.keys,
                       .k = shape_.head_dim,
                       .alpha = alpha,
                       .a = query(x, head),
                       .lda = query_stride(x),
                       .b = key(y, kv_head),
                       .ldb = stride(y),
                       .c = score(scores, head),
                       .ldc = chunk_.stride});
    });
  }

  // z = scores y with y of the keys, z of the query rows
  void append_query_sums(const T* scores, Matrix<const T> y, Matrix<T> z, std::vector<GemmCall<T>>& calls) const {
    for_each_head([&](int head, int kv_head) {
      calls.push_back({.m = rows(),
                       .n = shape_.head_dim,
                       .k = chunk_.keys,
                       .a = score(scores, head),
                       .lda = chunk_.stride,
                       .b = key(y, kv_head),
                       .ldb = stride(y),
                       .c = query(z, head),
                       .ldc = query_stride(z)});
    });
  }

  // w += scores^T x with x of the query rows, w of the keys, for the heads whose turn it is; the first write assigns
  void append_key_sums(int turn, const T* scores, Matrix<const T> x, Matrix<Sum> w, ScoreCalls& calls) const {
    const Sum beta = chunk_.covers_span && turn == 0 ? 0 : 1;
    for (int kv_head = 0; kv_head < shape_.kv_heads; ++kv_head) {
      const int head = kv_head * group_ + turn;
      calls.push_back({.op_a = Op::kTranspose,
                       .m = chunk_.keys,
                       .n = shape_.head_dim,
                       .k = rows(),
                       .a = score(scores, head),
                       .lda = chunk_.stride,
                       .b = query(x, head),
                       .ldb = query_stride(x),
                       .beta = beta,
                       .c = key(w, kv_head),
                       .ldc = stride(w)});
    }
  }

 private:
  // Key/value heads inside: neighbouring calls then lie a constant distance apart, which cuBLAS takes as one.
  template <class F>
  void for_each_head(const F& f) const {
    for (int turn = 0; turn < turns(); ++turn) {
      for (int kv_head = 0; kv_head < shape_.kv_heads; ++kv_head) f(kv_head * group_ + turn, kv_head);
    }
  }

  template <class View>
  static std::int64_t stride(const View& x) {
    return static_cast<std::int64_t>(x.stride(0));
  }
  std::int64_t rows() const { return stacked_ ? group_ : chunk_.rows; }
  template <class View>
  std::int64_t query_stride(const View& x) const {
    return stacked_ ? shape_.head_dim : stride(x);
  }
  template <class View>
  auto query(const View& x, int head) const {
    return x.data() + chunk_.query_begin * stride(x) + head * shape_.head_dim;
  }
  template <class View>
  auto key(const View& x, int kv_head) const {
    return x.data() + chunk_.key_begin * stride(x) + kv_head * shape_.head_dim;
  }
  template <class Element>
  Element* score(Element* scores, int head) const {
    return scores + chunk_.scores + head * chunk_.rows * chunk_.stride;
  }

  const AttentionShape& shape_;
  const AttentionChunk& chunk_;
  int group_;
  bool stacked_;
};

// gemm_batched over what append(products, calls) adds for each chunk of the round.
template <class T, class C, class Append>
void multiply(const ExecSpace& exec, const AttentionShape& shape, const AttentionRound& round, const Append& append) {
  std::vector<GemmCall<T, C>> calls;
  for (const AttentionChunk& chunk : round) append(ChunkProducts<T>(shape, chunk), calls);
  gemm_batched<T, C>(exec, calls);
}

void check_shape(const AttentionShape& shape, const std::vector<AttentionSpan>& spans) {
  RECPO_REQUIRE(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0);
  for (const AttentionSpan& span : spans) {
    RECPO_REQUIRE(span.query_end - span.query_begin <= span.key_end - span.key_begin);
  }
}

std::int64_t largest_round(const AttentionShape& shape, const std::vector<AttentionRound>& rounds) {
  std::int64_t elements = 0;
  for (const AttentionRound& round : rounds) elements = std::max(elements, attention_round_elements(shape, round));
  return elements;
}

template <class T>
Accumulate<T> score_scale(const AttentionShape& shape) {
  return static_cast<Accumulate<T>>(1 / std::sqrt(static_cast<double>(shape.head_dim)));
}

template <class T>
inline constexpr bool kStoresSums = std::is_same_v<T, Accumulate<T>>;

// Matrices of scores of a round, in the workspace: as sums, and as T, which is the same memory where T is that type.
template <class T>
class ScoreMemory {
 public:
  using Sum = Accumulate<T>;
  // Elements of Sum for `count` matrices of so many scores.
  static std::int64_t elements(int count, std::int64_t scores) {
    constexpr std::int64_t kShare = sizeof(Sum) / sizeof(T);
    return count * (kStoresSums<T> ? scores : scores + (scores + kShare - 1) / kShare);
  }

  ScoreMemory(Vector<Sum> workspace, int count, std::int64_t scores)
      : memory_(workspace.data()), count_(count), scores_(scores) {
    RECPO_REQUIRE(static_cast<std::int64_t>(workspace.extent(0)) >= elements(count, scores));
  }
  Sum* sums(int matrix) const { return memory_ + matrix * scores_; }
  T* weights(int matrix) const {
    if constexpr (kStoresSums<T>) return sums(matrix);
    return reinterpret_cast<T*>(memory_ + count_ * scores_) + matrix * scores_;
  }

 private:
  Sum* memory_;
  int count_;
  std::int64_t scores_;
};

std::int64_t num_keys(const std::vector<AttentionSpan>& spans) {
  std::int64_t end = 0;
  for (const AttentionSpan& span : spans) end = std::max(end, span.key_end);
  return end;
}

// dk and dv while they are summed over chunks and heads: the results' own memory, or rows of the workspace.
template <class T>
Matrix<Accumulate<T>> key_sums(const Matrix<T>& result, Accumulate<T>* memory, std::int64_t keys) {
  if constexpr (kStoresSums<T>) return result;
  return Matrix<Accumulate<T>>(memory, keys, result.extent(1));
}

template <class T>
void round_rows(const ExecSpace& exec, const std::vector<AttentionSpan>& spans, Matrix<Accumulate<T>> sums,
                Matrix<T> result) {
  const int width = static_cast<int>(result.extent(1));
  for (const AttentionSpan& span : spans) {
    const std::int64_t first = span.key_begin;
    for_each_row(
        exec, "recpo::attention::round_rows", span.key_end - first, width, KOKKOS_LAMBDA(const Row& row) {
          const Accumulate<T>* source = &sums(first + row.index(), 0);
          T* target = &result(first + row.index(), 0);
          row.for_each(width, [&](int i) { target[i] = source[i]; });
        });
  }
}

// Whether rows of x lie `width` elements apart, its heads on 16 bytes.
template <class View>
bool has_fused_layout(const View& x, std::int64_t width) {
  return static_cast<std::int64_t>(x.stride(0)) == width && reinterpret_cast<std::uintptr_t>(x.data()) % 16 == 0;
}

// Whether a call takes the fused form: `qkv` are its operands that lie like q|k|v, `out` those that lie like out.
[[maybe_unused]] bool is_fused(AttentionBackend form, const AttentionShape& shape,
                               const std::vector<AttentionSpan>& spans, const std::vector<Matrix<const Bfloat16>>& qkv,
                               const std::vector<Matrix<const Bfloat16>>& out) {
  if (form == AttentionBackend::kGemm) return false;
  std::string unsupported_reason = fused_attention_unsupported_reason(shape, spans);
  const std::int64_t out_width = std::int64_t{shape.heads} * shape.head_dim;
  const std::int64_t qkv_width = out_width + std::int64_t{2} * shape.kv_heads * shape.head_dim;
  const auto lies_in = [](std::int64_t width) {
    return [=](const Matrix<const Bfloat16>& x) { return has_fused_layout(x, width); };
  };
  if (!std::ranges::all_of(qkv, lies_in(qkv_width)))
    unsupported_reason = "q, k, v are not aligned columns of one matrix";
  if (!std::ranges::all_of(out, lies_in(out_width))) unsupported_reason = "out is not an aligned matrix of its own";
  if (form == AttentionBackend::kFused && !unsupported_reason.empty()) {
    throw_error(ExitCode::kInternal, "fused attention: {}", unsupported_reason);
  }
  return unsupported_reason.empty();
}

}  // namespace

template <class T>
std::int64_t attention_workspace(const AttentionShape& shape, const std::vector<AttentionSpan>& spans) {
  const std::int64_t sums = kStoresSums<T> ? 0 : 2 * num_keys(spans) * shape.kv_heads * shape.head_dim;
  std::int64_t fused = 0;
  if constexpr (std::is_same_v<T, Bfloat16>) {
    constexpr std::int64_t kElement = sizeof(Accumulate<T>);
    if (fused_attention_unsupported_reason(shape, spans).empty()) {
      fused = (fused_attention_workspace_bytes(shape, spans) + kElement - 1) / kElement;
    }
  }
  return std::max({ScoreMemory<T>::elements(1, largest_round(shape, attention_forward_rounds(shape, spans))),
                   ScoreMemory<T>::elements(2, largest_round(shape, attention_backward_rounds(shape, spans))) + sums,
                   fused});
}

template <class T>
void attention_forward(const ExecSpace& exec, const AttentionShape& shape, const std::vector<AttentionSpan>& spans,
                       const AttentionMask& mask, Matrix<const T> q, Matrix<const T> k, Matrix<const T> v,
                       Matrix<T> out, Matrix<Accumulate<T>> lse, Vector<Accumulate<T>> workspace,
                       AttentionBackend form) {
  check_shape(shape, spans);
  if constexpr (std::is_same_v<T, Bfloat16>) {
    if (is_fused(form, shape, spans, {q, k, v}, {out})) {
      return fused_attention_forward(exec, shape, spans, mask, q, k, v, out, lse, workspace);
    }
  } else {
    RECPO_REQUIRE(form != AttentionBackend::kFused);
  }
  using Sum = Accumulate<T>;
  using Products = ChunkProducts<T>;
  const std::vector<AttentionRound> rounds = attention_forward_rounds(shape, spans);
  const ScoreMemory<T> memory(workspace, 1, largest_round(shape, rounds));
  Sum* scores = memory.sums(0);
  T* weights = memory.weights(0);
  const Sum scale = score_scale<T>(shape);
  for (const AttentionRound& round : rounds) {
    multiply<T, Sum>(exec, shape, round, [&](const Products& products, auto& calls) {
      products.append_scores(scale, q, k, scores, calls);
    });
    attention_softmax<T>(exec, shape, round, mask, scores, weights, lse);
    multiply<T, T>(exec, shape, round,
                   [&](const Products& products, auto& calls) { products.append_query_sums(weights, v, out, calls); });
  }
}

template <class T>
void attention_backward(const ExecSpace& exec, const AttentionShape& shape, const std::vector<AttentionSpan>& spans,
                        const AttentionMask& mask, Matrix<const T> q, Matrix<const T> k, Matrix<const T> v,
                        Matrix<const T> out, Matrix<const Accumulate<T>> lse, Matrix<const T> d_out, Matrix<T> dq,
                        Matrix<T> dk, Matrix<T> dv, Vector<Accumulate<T>> workspace, AttentionBackend form) {
  check_shape(shape, spans);
  if constexpr (std::is_same_v<T, Bfloat16>) {
    if (is_fused(form, shape, spans, {q, k, v, dq, dk, dv}, {out, d_out})) {
      return fused_attention_backward(exec, shape, spans, mask, q, k, v, out, lse, d_out, dq, dk, dv, workspace);
    }
  } else {
    RECPO_REQUIRE(form != AttentionBackend::kFused);
  }
  using Sum = Accumulate<T>;
  using Products = ChunkProducts<T>;
  const std::vector<AttentionRound> rounds = attention_backward_rounds(shape, spans);
  const std::int64_t scores = largest_round(shape, rounds), keys = num_keys(spans);
  const ScoreMemory<T> memory(workspace, 2, scores);
  Sum *s = memory.sums(0), *dp = memory.sums(1);
  T *p = memory.weights(0), *ds = memory.weights(1);
  Sum* behind = workspace.data() + ScoreMemory<T>::elements(2, scores);
  const Matrix<Sum> dk_sum = key_sums(dk, behind, keys);
  const Matrix<Sum> dv_sum = key_sums(dv, behind + keys * static_cast<std::int64_t>(dk.extent(1)), keys);
  const Sum scale = score_scale<T>(shape);
  for (const AttentionRound& round : rounds) {
    multiply<T, Sum>(exec, shape, round, [&](const Products& products, auto& calls) {
      products.append_scores(scale, q, k, s, calls);
      products.append_scores(1, d_out, v, dp, calls);
    });
    attention_softmax_backward<T>(exec, shape, round, mask, out, d_out, lse, scale, s, dp, p, ds);
    multiply<T, T>(exec, shape, round,
                   [&](const Products& products, auto& calls) { products.append_query_sums(ds, k, dq, calls); });
    for (int turn = 0; turn < shape.heads / shape.kv_heads; ++turn) {
      multiply<T, Sum>(exec, shape, round, [&](const Products& products, auto& calls) {
        if (turn >= products.turns()) return;
        products.append_key_sums(turn, p, d_out, dv_sum, calls);
        products.append_key_sums(turn, ds, q, dk_sum, calls);
      });
    }
  }
  if constexpr (!kStoresSums<T>) {
    round_rows<T>(exec, spans, dk_sum, dk);
    round_rows<T>(exec, spans, dv_sum, dv);
  }
}

RECPO_INSTANTIATE_STORAGE(attention_workspace);
RECPO_INSTANTIATE_STORAGE(attention_forward);
RECPO_INSTANTIATE_STORAGE(attention_backward);

}  // namespace recpo::kernels
