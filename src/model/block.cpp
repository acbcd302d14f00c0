#include "src/model/block.hpp"

#include "kernels/bias.hpp"
#include "kernels/gemm.hpp"
#include "kernels/norm.hpp"
#include "kernels/reductions.hpp"
#include "kernels/rope.hpp"
#include "kernels/swiglu.hpp"

namespace recpo::model {
namespace {
using kernels::Op;

template <class T>
Matrix<T> columns(const Matrix<T>& matrix, std::int64_t begin, std::int64_t count) {
  return Kokkos::subview(matrix, Kokkos::ALL, std::pair<std::int64_t, std::int64_t>(begin, begin + count));
}

// f(projection, its columns of [T, 2F])
template <class T, class F>
void for_gate_up(const LlamaConfig& config, const Matrix<T>& gate_up, const F& f) {
  f(Projection::kGate, columns(gate_up, 0, config.intermediate_size));
  f(Projection::kUp, columns(gate_up, config.intermediate_size, config.intermediate_size));
}

// Column ranges of [T, (N + 2G) D].
template <class T>
struct QueryKeyValue {
  Matrix<T> q, k, v;
};

template <class T>
QueryKeyValue<T> split_heads(const LlamaConfig& config, const Matrix<T>& qkv) {
  const std::int64_t query = config.query_width(), key_value = config.key_value_width();
  return {columns(qkv, 0, query), columns(qkv, query, key_value), columns(qkv, query + key_value, key_value)};
}

int rotated_heads(const LlamaConfig& config) {
  return static_cast<int>(config.num_attention_heads + config.num_key_value_heads);
}

// y = x w^T (assigned)
template <class T>
void project(const ExecSpace& exec, Matrix<const T> x, Matrix<const T> w, Matrix<T> y) {
  kernels::gemm<T>(exec, Op::kNone, Op::kTranspose, 1, x, w, 0, y);
}

// For y = x w^T: dx = dy w (assigned), dw += dy^T x unless w is frozen.
template <class T>
void project_backward(const ExecSpace& exec, Matrix<const T> x, Matrix<const T> w, Matrix<const T> dy, Matrix<T> dx,
                      Matrix<Accumulate<T>> dw) {
  kernels::gemm<T>(exec, Op::kNone, Op::kNone, 1, dy, w, 0, dx);
  if (dw.data() != nullptr) kernels::gemm<T, Accumulate<T>>(exec, Op::kTranspose, Op::kNone, 1, dy, x, 1, dw);
}

// The norms of heads, of q and then of k.
template <class T>
void normalize_heads(const ExecSpace& exec, const LlamaConfig& config, const BlockTensors<T>& weights,
                     const QueryKeyValue<T>& heads, const BlockActivations<T>& a) {
  const std::int64_t query = config.query_width(), n = config.num_attention_heads, g = config.num_key_value_heads;
  kernels::head_norm_forward<T>(exec, weights.q_norm, config.rms_norm_eps, heads.q, columns(a.qk, 0, query),
                                columns(a.head_inverse_rms, 0, n));
  kernels::head_norm_forward<T>(exec, weights.k_norm, config.rms_norm_eps, heads.k,
                                columns(a.qk, query, config.key_value_width()), columns(a.head_inverse_rms, n, g));
}

template <class T>
void normalize_heads_backward(const ExecSpace& exec, const LlamaConfig& config, const BlockTensors<T>& weights,
                              const BlockActivations<T>& a, const QueryKeyValue<T>& d_heads,
                              const BlockTensors<Accumulate<T>>& gradients, Vector<Accumulate<T>> workspace) {
  const std::int64_t query = config.query_width(), n = config.num_attention_heads, g = config.num_key_value_heads;
  kernels::head_norm_backward<T>(exec, weights.q_norm, columns(a.qk, 0, query), columns(a.head_inverse_rms, 0, n),
                                 d_heads.q, gradients.q_norm, workspace);
  kernels::head_norm_backward<T>(exec, weights.k_norm, columns(a.qk, query, config.key_value_width()),
                                 columns(a.head_inverse_rms, n, g), d_heads.k, gradients.k_norm, workspace);
}

// cache[rows[t]] = source[t]
template <class T>
void keep_rows(const ExecSpace& exec, Vector<const int> rows, Matrix<const T> source, Matrix<T> cache) {
  const auto width = static_cast<std::int64_t>(source.extent(1));
  Kokkos::parallel_for(
      "recpo::block::keep_rows", RangePolicy(exec, 0, static_cast<std::int64_t>(source.extent(0)) * width),
      KOKKOS_LAMBDA(std::int64_t i) { cache(rows(i / width), i % width) = source(i / width, i % width); });
}

// out = residual + sum over shards of x w^T. The residual enters on the first shard, or on its rows' owner.
template <class T>
void add_projection(const ExecSpace& exec, const SequenceShards<T>& rows, const BlockLora<T>& lora,
                    Projection projection, const Matrix<T>& x, const Matrix<T>& w, const Matrix<T>& residual,
                    const Matrix<T>& out) {
  if (rows.splits()) {
    const Matrix<T> partial = rows.partial(out);
    project<T>(exec, x, w, partial);
    adapter_forward<T>(exec, lora, projection, x, partial);
    Kokkos::deep_copy(exec, out, residual);
    const Matrix<T> sum = rows.sum(exec, partial);
    kernels::add<T>(exec, Vector<const T>(sum.data(), sum.size()), Vector<T>(out.data(), out.size()));
    return;
  }
  if (rows.is_first()) {
    kernels::gemm_add<T>(exec, Op::kNone, Op::kTranspose, 1, x, w, residual, out);
  } else {
    project<T>(exec, x, w, out);
  }
  adapter_forward<T>(exec, lora, projection, x, out);
  rows.sum(exec, out);
}
}  // namespace

template <class T>
void block_forward(const ExecSpace& exec, const BlockContext<T>& context, const BlockTensors<T>& weights,
                   const BlockLora<T>& lora, const KeyValueCache<T>& cache, const BlockActivations<T>& a,
                   Matrix<T> out) {
  const LlamaConfig& config = context.config;
  const DeviceBatch& batch = context.batch;
  const SequenceShards<T>& rows = context.rows;
  kernels::rms_norm_forward<T>(exec, a.x, weights.input_norm, config.rms_norm_eps, a.normed, a.inverse_rms);
  const Matrix<T> normed = rows.gather(exec, a.normed);
  project<T>(exec, normed, weights.qkv, a.qkv);
  QueryKeyValue<T> heads = split_heads<T>(config, a.qkv);
  adapter_forward<T>(exec, lora, Projection::kQ, normed, heads.q);
  adapter_forward<T>(exec, lora, Projection::kK, normed, heads.k);
  adapter_forward<T>(exec, lora, Projection::kV, normed, heads.v);
  if (weights.qkv_bias.data() != nullptr) kernels::bias_forward<T>(exec, weights.qkv_bias, a.qkv);
  if (weights.q_norm.data() != nullptr) normalize_heads<T>(exec, config, weights, heads, a);
  kernels::rope_forward<T>(exec, batch.positions, context.rope.cosine, context.rope.sine, rotated_heads(config), a.qkv);

  if (cache.exists()) {
    keep_rows<T>(exec, batch.cache_rows, heads.k, cache.key);
    keep_rows<T>(exec, batch.cache_rows, heads.v, cache.value);
    heads.k = cache.key;
    heads.v = cache.value;
  }
  kernels::attention_forward<T>(exec, attention_shape(config), batch.spans, batch.mask, heads.q, heads.k, heads.v,
                                a.attended, a.lse, context.attention_workspace);
  add_projection<T>(exec, rows, lora, Projection::kO, a.attended, weights.o, a.x, a.mid);

  kernels::rms_norm_forward<T>(exec, a.mid, weights.post_norm, config.rms_norm_eps, a.mid_normed, a.mid_inverse_rms);
  const Matrix<T> mid_normed = rows.gather(exec, a.mid_normed);
  project<T>(exec, mid_normed, weights.gate_up, a.gate_up);
  for_gate_up<T>(config, a.gate_up, [&](Projection projection, const Matrix<T>& y) {
    adapter_forward<T>(exec, lora, projection, mid_normed, y);
  });
  kernels::swiglu_forward<T>(exec, a.gate_up, a.activated);
  if (out.data() != nullptr) {
    add_projection<T>(exec, rows, lora, Projection::kDown, a.activated, weights.down, a.mid, out);
  } else if (lora.weights[static_cast<std::size_t>(Projection::kDown)].exists()) {
    adapter_project_down<T>(exec, lora, Projection::kDown, a.activated);  // the backward reads its u
  }
}

template <class T>
void block_recompute_elementwise(const ExecSpace& exec, const BlockContext<T>& context, const BlockTensors<T>& weights,
                                 const BlockActivations<T>& a) {
  const double eps = context.config.rms_norm_eps;
  kernels::rms_norm_forward<T>(exec, a.x, weights.input_norm, eps, a.normed, a.inverse_rms);
  kernels::rms_norm_forward<T>(exec, a.mid, weights.post_norm, eps, a.mid_normed, a.mid_inverse_rms);
  kernels::swiglu_forward<T>(exec, a.gate_up, a.activated);
}

template <class T>
void block_backward(const ExecSpace& exec, const BlockContext<T>& context, const BlockTensors<T>& weights,
                    const BlockLora<T>& lora, const BlockActivations<T>& a, const BackwardWorkspace<T>& w,
                    Matrix<T> d_x, const BlockTensors<Accumulate<T>>& gradients) {
  const LlamaConfig& config = context.config;
  const DeviceBatch& batch = context.batch;
  const SequenceShards<T>& rows = context.rows;
  const Matrix<T> d_normed = rows.partial(w.d_normed);
  // d_x is the gradient of out, which is also that of mid along the residual.
  const Matrix<T> d_out = rows.gather(exec, d_x);
  project_backward<T>(exec, a.activated, weights.down, d_out, w.d_activated, gradients.down);
  adapter_backward<T>(exec, lora, Projection::kDown, a.activated, d_out, w.d_activated);
  kernels::swiglu_backward<T>(exec, a.gate_up, w.d_activated, a.gate_up);
  const Matrix<T> mid_normed = rows.gather(exec, a.mid_normed);
  project_backward<T>(exec, mid_normed, weights.gate_up, a.gate_up, d_normed, gradients.gate_up);
  for_gate_up<T>(config, a.gate_up, [&](Projection projection, const Matrix<T>& dy) {
    adapter_backward<T>(exec, lora, projection, mid_normed, dy, d_normed);
  });
  kernels::rms_norm_backward<T>(exec, a.mid, weights.post_norm, a.mid_inverse_rms, rows.sum(exec, d_normed), d_x,
                                gradients.post_norm, w.row_sums);
  // Now d_x is the gradient of mid, which is also that of x along the residual.
  const Matrix<T> d_mid = rows.gather(exec, d_x);
  project_backward<T>(exec, a.attended, weights.o, d_mid, w.d_attended, gradients.o);
  adapter_backward<T>(exec, lora, Projection::kO, a.attended, d_mid, w.d_attended);
  const QueryKeyValue<T> heads = split_heads<T>(config, a.qkv), d_heads = split_heads<T>(config, w.d_qkv);
  kernels::attention_backward<T>(exec, attention_shape(config), batch.spans, batch.mask, heads.q, heads.k, heads.v,
                                 a.attended, a.lse, w.d_attended, d_heads.q, d_heads.k, d_heads.v,
                                 context.attention_workspace);
  kernels::rope_backward<T>(exec, batch.positions, context.rope.cosine, context.rope.sine, rotated_heads(config),
                            w.d_qkv);
  if (weights.q_norm.data() != nullptr) {
    normalize_heads_backward<T>(exec, config, weights, a, d_heads, gradients, w.row_sums);
  }
  if (gradients.qkv_bias.data() != nullptr) kernels::bias_backward<T>(exec, w.d_qkv, gradients.qkv_bias, w.row_sums);
  const Matrix<T> normed = rows.gather(exec, a.normed);
  project_backward<T>(exec, normed, weights.qkv, w.d_qkv, d_normed, gradients.qkv);
  adapter_backward<T>(exec, lora, Projection::kQ, normed, d_heads.q, d_normed);
  adapter_backward<T>(exec, lora, Projection::kK, normed, d_heads.k, d_normed);
  adapter_backward<T>(exec, lora, Projection::kV, normed, d_heads.v, d_normed);
  kernels::rms_norm_backward<T>(exec, a.x, weights.input_norm, a.inverse_rms, rows.sum(exec, d_normed), d_x,
                                gradients.input_norm, w.row_sums);
}

RECPO_INSTANTIATE_STORAGE(block_forward);
RECPO_INSTANTIATE_STORAGE(block_recompute_elementwise);
RECPO_INSTANTIATE_STORAGE(block_backward);

}  // namespace recpo::model
