#pragma once
// One block of causal self-attention over packed histories (Kang, McAuley 2018, equations 2-7):
//   y = x + dropout(attention(norm(x))),   out = y + dropout(feed_forward(norm(y)))
// with one head, projections without biases, and a rectified feed-forward layer of the same width. The attention kernel
// is that of the language model. A block may be asked for some rows only (the last of each history): queries, residual
// and feed-forward layer are computed for these alone. x [T, H], out [R, H].

#include <string>

#include "kernels/attention.hpp"
#include "kernels/dropout.hpp"
#include "src/baselines/sequence_model.hpp"

namespace recpo::baselines {

// Which of the T packed items a block computes.
struct Places {
  Numbers rows;                                  // [R], rising
  Numbers prefix_end, own_begin, own_end, keys;  // [R]: visibility, and the keys of dropout
  std::vector<kernels::AttentionSpan> spans;

  void set(const HistoryBatch& batch, bool last_only);
  kernels::AttentionMask mask() const { return {prefix_end.view(), own_begin.view(), own_end.view()}; }
};

// kernels/norm.hpp with the named parameters "NAME.weight" and "NAME.bias".
template <class T>
class Norm {
 public:
  Norm(const Parameters<T>& parameters, const std::string& name);
  // Valid until the next call; x is read again by the backward.
  Matrix<T> forward(const ExecSpace& exec, Matrix<const T> x);
  void backward(const ExecSpace& exec, Matrix<const T> dy, Matrix<T> dx);  // dx is added to

 private:
  Vector<T> weight_, bias_, d_weight_, d_bias_;
  Matrix<const T> x_;
  Vector<T> mean_, inverse_;
  Buffer<T> y_, mean_memory_, inverse_memory_, workspace_;
};
void append_norm(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t hidden);

template <class T>
class AttentionBlock {
 public:
  AttentionBlock(const Parameters<T>& parameters, std::int64_t index);

  // Valid until the next call; x and `places` are read again by the backward.
  Matrix<T> forward(const ExecSpace& exec, const Places& places, double dropout, Matrix<const T> x);
  // dy [R, H] is used up; dx [T, H] is assigned.
  void backward(const ExecSpace& exec, Matrix<T> dy, Matrix<T> dx);

 private:
  kernels::AttentionShape shape() const { return {1, 1, static_cast<int>(query_.outputs())}; }
  kernels::DropoutMask mask(std::uint64_t place) const;
  void feed_forward_backward(const ExecSpace& exec, const Matrix<T>& dy);
  void attention_backward(const ExecSpace& exec, const Matrix<T>& d_out, const Matrix<T>& d_norm);
  Vector<T> workspace() { return workspace_.get(kernels::attention_workspace<T>(shape(), places_->spans)); }

  std::uint64_t salt_;
  const Places* places_ = nullptr;
  double dropout_ = 0;
  Norm<T> norm_, norm2_;
  Linear<T> query_, key_value_, inner_, outer_;
  Matrix<T> n_, n_rows_, q_, kv_, attended_, lse_, y_, n2_, inner_out_, outer_out_;
  // Behind the matrices above in the same order, then the result, then gradients.
  Buffer<T> n_rows_memory_, q_memory_, kv_memory_, attended_memory_, lse_memory_, y_memory_, inner_memory_,
      outer_memory_, out_memory_, d_rows_memory_, d_inner_memory_, d_q_memory_, d_kv_memory_, d_norm_memory_,
      workspace_;
};
void append_attention_block(std::vector<ParameterSpec>& specs, std::int64_t index, std::int64_t hidden);

}  // namespace recpo::baselines
