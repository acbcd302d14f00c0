#include "src/baselines/attention_block.hpp"

#include <fmt/format.h>

#include "kernels/norm.hpp"
#include "kernels/reductions.hpp"

namespace recpo::baselines {
namespace {
constexpr double kEps = 1e-8;
constexpr std::uint64_t kFirstSalt = 16;  // those below are of other encoders' places
constexpr int kAttention = 0, kFeedForward = 1;

std::string name_of(std::int64_t block, const char* part) { return fmt::format("block{}.{}", block, part); }
}  // namespace

void Places::set(const HistoryBatch& batch, bool last_only) {
  std::vector<int> asked, begin, end, row_keys;
  spans.clear();
  std::int64_t first = 0;  // packed item of the history
  for (std::size_t s = 0; s < batch.size(); ++s) {
    const auto length = static_cast<std::int64_t>(batch.histories[s].size());
    const auto query = static_cast<std::int64_t>(asked.size());
    for (std::int64_t i = last_only ? length - 1 : 0; i < length; ++i) {
      asked.push_back(static_cast<int>(first + i));
      begin.push_back(static_cast<int>(first));
      end.push_back(static_cast<int>(first + i + 1));
      row_keys.push_back(batch.key(s, static_cast<std::size_t>(i)));
    }
    spans.push_back({query, static_cast<std::int64_t>(asked.size()), first, first + length});
    first += length;
  }
  rows.assign(asked);
  prefix_end.assign(begin);  // no prefix: it ends where it begins
  own_begin.assign(begin);
  own_end.assign(end);
  keys.assign(row_keys);
}

template <class T>
Norm<T>::Norm(const Parameters<T>& parameters, const std::string& name)
    : weight_(as_vector(parameters.weight(name + ".weight"))),
      bias_(as_vector(parameters.weight(name + ".bias"))),
      d_weight_(as_vector(parameters.gradient(name + ".weight"))),
      d_bias_(as_vector(parameters.gradient(name + ".bias"))) {}

template <class T>
Matrix<T> Norm<T>::forward(const ExecSpace& exec, Matrix<const T> x) {
  x_ = x;
  mean_ = mean_memory_.get(x.extent(0));
  inverse_ = inverse_memory_.get(x.extent(0));
  const Matrix<T> y = y_.get(x.extent(0), x.extent(1));
  kernels::layer_norm_forward<T>(exec, x, weight_, bias_, kEps, y, mean_, inverse_);
  return y;
}

template <class T>
void Norm<T>::backward(const ExecSpace& exec, Matrix<const T> dy, Matrix<T> dx) {
  const std::int64_t size = kernels::layer_norm_workspace(dy.extent(0), dy.extent(1));
  kernels::layer_norm_backward<T>(exec, x_, weight_, mean_, inverse_, dy, dx, d_weight_, d_bias_, workspace_.get(size));
}

void append_norm(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t hidden) {
  specs.push_back({name + ".weight", 1, hidden, Fill::kConstant, 1});
  specs.push_back({name + ".bias", 1, hidden, Fill::kConstant, 0});
}

void append_attention_block(std::vector<ParameterSpec>& specs, std::int64_t index, std::int64_t hidden) {
  append_norm(specs, name_of(index, "norm"), hidden);
  append_linear(specs, name_of(index, "query"), hidden, hidden, false);
  append_linear(specs, name_of(index, "key_value"), 2 * hidden, hidden, false);
  append_norm(specs, name_of(index, "norm2"), hidden);
  append_linear(specs, name_of(index, "inner"), hidden, hidden, true);
  append_linear(specs, name_of(index, "outer"), hidden, hidden, true);
}

template <class T>
AttentionBlock<T>::AttentionBlock(const Parameters<T>& parameters, std::int64_t index)
    : salt_(kFirstSalt + 2 * static_cast<std::uint64_t>(index)),
      norm_(parameters, name_of(index, "norm")),
      norm2_(parameters, name_of(index, "norm2")),
      query_(parameters, name_of(index, "query"), Bias::kNone),
      key_value_(parameters, name_of(index, "key_value"), Bias::kNone),
      inner_(parameters, name_of(index, "inner"), Bias::kRectified),
      outer_(parameters, name_of(index, "outer"), Bias::kAdded) {}

template <class T>
kernels::DropoutMask AttentionBlock<T>::mask(std::uint64_t place) const {
  return {places_->keys.view(), salt_ + place, dropout_};
}

// Sums such as y += dropout(x) are what the backward of dropout forms.
template <class T>
Matrix<T> AttentionBlock<T>::forward(const ExecSpace& exec, const Places& places, double dropout, Matrix<const T> x) {
  const std::int64_t all = x.extent(0), asked = places.rows.size(), hidden = x.extent(1);
  places_ = &places;
  dropout_ = dropout;
  n_ = norm_.forward(exec, x);
  n_rows_ = n_rows_memory_.get(asked, hidden);
  kernels::gather_rows<T>(exec, places.rows.view(), n_, n_rows_);
  q_ = q_memory_.get(asked, hidden);
  kv_ = kv_memory_.get(all, 2 * hidden);
  query_.forward(exec, n_rows_, q_);
  key_value_.forward(exec, n_, kv_);
  attended_ = attended_memory_.get(asked, hidden);
  lse_ = lse_memory_.get(asked, 1);
  kernels::attention_forward<T>(exec, shape(), places.spans, places.mask(), q_, columns(kv_, 0, hidden),
                                columns(kv_, hidden, 2 * hidden), attended_, lse_, workspace());
  y_ = y_memory_.get(asked, hidden);
  kernels::gather_rows<T>(exec, places.rows.view(), x, y_);
  kernels::dropout_backward<T>(exec, mask(kAttention), attended_, y_);

  n2_ = norm2_.forward(exec, y_);
  inner_out_ = inner_memory_.get(asked, hidden);
  inner_.forward(exec, n2_, inner_out_);
  outer_out_ = outer_memory_.get(asked, hidden);
  outer_.forward(exec, inner_out_, outer_out_);
  const Matrix<T> out = out_memory_.get(asked, hidden);
  Kokkos::deep_copy(exec, out, y_);
  kernels::dropout_backward<T>(exec, mask(kFeedForward), outer_out_, out);
  return out;
}

template <class T>
void AttentionBlock<T>::backward(const ExecSpace& exec, Matrix<T> dy, Matrix<T> dx) {
  feed_forward_backward(exec, dy);
  const Matrix<T> d_attended = d_rows_memory_.get(dy.extent(0), dy.extent(1)),
                  d_norm = d_norm_memory_.get(dx.extent(0), dx.extent(1));
  kernels::dropout_forward<T>(exec, mask(kAttention), dy, d_attended);
  attention_backward(exec, d_attended, d_norm);
  Kokkos::deep_copy(exec, dx, T(0));
  kernels::scatter_add_rows<T>(exec, places_->rows.view(), dy, dx);
  norm_.backward(exec, d_norm, dx);
}

// dy becomes the gradient of y.
template <class T>
void AttentionBlock<T>::feed_forward_backward(const ExecSpace& exec, const Matrix<T>& dy) {
  const Matrix<T> d_outer = d_rows_memory_.get(dy.extent(0), dy.extent(1)),
                  d_inner = d_inner_memory_.get(dy.extent(0), dy.extent(1));
  kernels::dropout_forward<T>(exec, mask(kFeedForward), dy, d_outer);
  outer_.backward(exec, inner_out_, outer_out_, d_outer, 0, d_inner);
  const Matrix<T>& d_norm = d_outer;  // which is done with
  inner_.backward(exec, n2_, inner_out_, d_inner, 0, d_norm);
  norm2_.backward(exec, d_norm, dy);
}

template <class T>
void AttentionBlock<T>::attention_backward(const ExecSpace& exec, const Matrix<T>& d_out, const Matrix<T>& d_norm) {
  const std::int64_t hidden = d_out.extent(1);
  const Matrix<T> d_q = d_q_memory_.get(d_out.extent(0), hidden), d_kv = d_kv_memory_.get(d_norm.extent(0), 2 * hidden);
  kernels::attention_backward<T>(exec, shape(), places_->spans, places_->mask(), q_, columns(kv_, 0, hidden),
                                 columns(kv_, hidden, 2 * hidden), attended_, lse_, d_out, d_q,
                                 columns(d_kv, 0, hidden), columns(d_kv, hidden, 2 * hidden), workspace());
  const Matrix<T>& d_rows = d_out;  // which is done with
  query_.backward(exec, n_rows_, q_, d_q, 0, d_rows);
  key_value_.backward(exec, n_, kv_, d_kv, 0, d_norm);
  kernels::scatter_add_rows<T>(exec, places_->rows.view(), d_rows, d_norm);
}

RECPO_INSTANTIATE_SUMS_CLASS(Norm);
RECPO_INSTANTIATE_SUMS_CLASS(AttentionBlock);

}  // namespace recpo::baselines
