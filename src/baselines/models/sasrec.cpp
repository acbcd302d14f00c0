// SASRec (Kang, McAuley 2018): causal self-attention over the history. With x the sum of item and position vectors,
// each block is x += dropout(attention(norm(x))), x += dropout(feed_forward(norm(x))), one head, projections without
// biases, a feed-forward layer of the same width; a last norm gives the state, and scores come from the table of the
// histories' items. Positions count from the end: the most recent item is always at the last one.
//
// Sequences are packed, none is padded. Only the last item's state is asked for, so the last block computes its queries
// and its feed-forward layer for that item alone.

#include "kernels/attention.hpp"
#include "kernels/dropout.hpp"
#include "kernels/layer_norm.hpp"
#include "kernels/reductions.hpp"
#include "src/baselines/baseline.hpp"
#include "src/baselines/linear.hpp"
#include "src/baselines/lookup.hpp"

namespace recpo::baselines {
namespace {

constexpr double kEps = 1e-8;

// The T packed items of a batch, and the R of them that a block computes.
struct Places {
  Numbers rows;                                   // [R] of the packed items
  Numbers prefix_end, own_begin, own_end, keys;   // [R]
  std::vector<kernels::AttentionSpan> spans;

  kernels::AttentionMask mask() const { return {prefix_end.view(), own_begin.view(), own_end.view()}; }
};

void set_places(const HistoryBatch& batch, bool last_only, Places& places) {
  std::vector<int> rows, begin, end, keys;
  places.spans.clear();
  std::int64_t key = 0;
  for (std::size_t s = 0; s < batch.size(); ++s) {
    const auto length = static_cast<std::int64_t>(batch.histories[s].size());
    const auto query = static_cast<std::int64_t>(rows.size());
    for (std::int64_t i = last_only ? length - 1 : 0; i < length; ++i) {
      rows.push_back(static_cast<int>(key + i));
      begin.push_back(static_cast<int>(key));
      end.push_back(static_cast<int>(key + i + 1));
      keys.push_back(batch.key(s, static_cast<std::size_t>(i)));
    }
    places.spans.push_back({query, static_cast<std::int64_t>(rows.size()), key, key + length});
    key += length;
  }
  places.rows.assign(rows);
  places.prefix_end.assign(begin);  // no prefix: it ends where it begins
  places.own_begin.assign(begin);
  places.own_end.assign(end);
  places.keys.assign(keys);
}

template <class T>
class Norm {
 public:
  Norm(const Parameters<T>& parameters, const std::string& name)
      : weight_(as_vector(parameters.weight(name + ".weight"))),
        bias_(as_vector(parameters.weight(name + ".bias"))),
        d_weight_(as_vector(parameters.gradient(name + ".weight"))),
        d_bias_(as_vector(parameters.gradient(name + ".bias"))) {}

  Matrix<T> forward(const ExecSpace& exec, Matrix<const T> x) {
    const std::int64_t rows = x.extent(0), width = x.extent(1);
    x_ = x;
    mean_ = mean_memory_.get(rows);
    inverse_ = inverse_memory_.get(rows);
    const Matrix<T> y = y_.get(rows, width);
    kernels::layer_norm_forward<T>(exec, x, weight_, bias_, kEps, y, mean_, inverse_);
    return y;
  }
  // dx is added to.
  void backward(const ExecSpace& exec, Matrix<const T> dy, Matrix<T> dx) {
    const std::int64_t size = kernels::layer_norm_workspace(dy.extent(0), dy.extent(1));
    kernels::layer_norm_backward<T>(exec, x_, weight_, mean_, inverse_, dy, dx, d_weight_, d_bias_,
                                    workspace_.get(size));
  }

 private:
  Vector<T> weight_, bias_, d_weight_, d_bias_;
  Matrix<const T> x_;
  Vector<T> mean_, inverse_;
  Buffer<T> y_, mean_memory_, inverse_memory_, workspace_;
};

template <class T>
class Block {
 public:
  Block(const Parameters<T>& parameters, std::int64_t index)
      : salt_(16 + 2 * static_cast<std::uint64_t>(index)),
        norm_(parameters, fmt::format("block{}.norm1", index)),
        query_(parameters, fmt::format("block{}.query", index), Bias::kNone),
        key_value_(parameters, fmt::format("block{}.key_value", index), Bias::kNone),
        norm2_(parameters, fmt::format("block{}.norm2", index)),
        inner_(parameters, fmt::format("block{}.inner", index), Bias::kRectified),
        outer_(parameters, fmt::format("block{}.outer", index), Bias::kAdded) {}

  // x [T, H] -> [R, H]
  Matrix<T> forward(const ExecSpace& exec, const Places& places, double dropout, Matrix<const T> x);
  // dy [R, H] is used up; dx [T, H] is assigned.
  void backward(const ExecSpace& exec, const Places& places, double dropout, Matrix<T> dy, Matrix<T> dx);

 private:
  kernels::AttentionShape shape() const { return {1, 1, static_cast<int>(query_.outputs())}; }
  void attention_backward(const ExecSpace& exec, const Places& places, Matrix<const T> d_out, Matrix<T> d_norm);

  std::uint64_t salt_;
  Norm<T> norm_;
  Linear<T> query_, key_value_;
  Norm<T> norm2_;
  Linear<T> inner_, outer_;
  Buffer<T> norm_rows_memory_, q_memory_, kv_memory_, out_memory_, lse_memory_, y_memory_, inner_memory_, outer_memory_,
      workspace_, d_out_memory_, d_inner_memory_, d_norm2_memory_, d_q_memory_, d_kv_memory_, d_norm_memory_,
      d_norm_rows_memory_;
  Matrix<T> n_, n_rows_, q_, kv_, out_, lse_, y_, n2_, u_, w_;
};

template <class T>
Matrix<T> Block<T>::forward(const ExecSpace& exec, const Places& places, double dropout, Matrix<const T> x) {
  const std::int64_t all = x.extent(0), asked = places.rows.size(), hidden = x.extent(1);
  n_ = norm_.forward(exec, x);
  n_rows_ = norm_rows_memory_.get(asked, hidden);
  kernels::gather_rows<T>(exec, places.rows.view(), n_, n_rows_);
  q_ = q_memory_.get(asked, hidden);
  kv_ = kv_memory_.get(all, 2 * hidden);
  query_.forward(exec, n_rows_, q_);
  key_value_.forward(exec, n_, kv_);
  out_ = out_memory_.get(asked, hidden);
  lse_ = lse_memory_.get(asked, 1);
  kernels::attention_forward<T>(exec, shape(), places.spans, places.mask(), q_, columns(kv_, 0, hidden),
                                columns(kv_, hidden, 2 * hidden), out_, lse_,
                                workspace_.get(kernels::attention_workspace<T>(shape(), places.spans)));
  y_ = y_memory_.get(asked, hidden);
  kernels::gather_rows<T>(exec, places.rows.view(), x, y_);
  // y += dropout(out): the sum that a backward of dropout forms is the one of a residual.
  kernels::dropout_backward<T>(exec, {places.keys.view(), salt_, dropout}, out_, y_);
  n2_ = norm2_.forward(exec, y_);
  u_ = inner_memory_.get(asked, inner_.outputs());
  inner_.forward(exec, n2_, u_);
  w_ = outer_memory_.get(asked, hidden);
  outer_.forward(exec, u_, w_);
  const Matrix<T> sum = d_out_memory_.get(asked, hidden);
  Kokkos::deep_copy(exec, sum, y_);  // norm2's backward reads y
  kernels::dropout_backward<T>(exec, {places.keys.view(), salt_ + 1, dropout}, w_, sum);
  return sum;
}
}  // namespace
}  // namespace recpo::baselines
