#pragma once
// A linear layer of named parameters, y = x W^T + b: W [N, K] is "NAME.weight", b [N] is "NAME.bias". x [T, K], y
// [T, N]. Workspaces grow and stay.

#include <cmath>
#include <string>

#include "kernels/bias.hpp"
#include "kernels/gemm.hpp"
#include "src/baselines/buffers.hpp"
#include "src/baselines/parameters.hpp"

namespace recpo::baselines {

enum class Bias : std::uint8_t { kNone, kAdded, kRectified };  // kRectified: y = max(0, x W^T + b)

// PyTorch's initial weights: uniform in +-1 / sqrt(inputs).
inline void append_linear(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t outputs,
                          std::int64_t inputs, bool has_bias) {
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  specs.push_back({name + ".weight", outputs, inputs, Fill::kUniform, bound});
  if (has_bias) specs.push_back({name + ".bias", 1, outputs, Fill::kUniform, bound});
}

template <class T>
class Linear {
 public:
  Linear(const Parameters<T>& parameters, const std::string& name, Bias bias)
      : kind_(bias), weight_(parameters.weight(name + ".weight")), d_weight_(parameters.gradient(name + ".weight")) {
    if (bias == Bias::kNone) return;
    bias_ = as_vector(parameters.weight(name + ".bias"));
    d_bias_ = as_vector(parameters.gradient(name + ".bias"));
  }

  std::int64_t inputs() const { return weight_.extent(1); }
  std::int64_t outputs() const { return weight_.extent(0); }

  // y is assigned.
  void forward(const ExecSpace& exec, Matrix<const T> x, Matrix<T> y) const {
    kernels::gemm<T>(exec, kernels::Op::kNone, kernels::Op::kTranspose, 1, x, weight_, 0, y);
    if (kind_ == Bias::kAdded) kernels::bias_forward<T>(exec, bias_, y);
    if (kind_ == Bias::kRectified) kernels::bias_relu_forward<T>(exec, bias_, y);
  }

  // Of forward's x and y. dy is rectified in place; dx = dy W + beta dx; gradients of the weights are added to.
  void backward(const ExecSpace& exec, Matrix<const T> x, Matrix<const T> y, Matrix<T> dy, T beta, Matrix<T> dx) {
    if (kind_ == Bias::kRectified) kernels::relu_backward<T>(exec, y, dy);
    add_input_gradient(exec, dy, beta, dx);
    add_weight_gradients(exec, x, dy);
  }
  // The same in two parts, for dy that is not to be rectified.
  void add_input_gradient(const ExecSpace& exec, Matrix<const T> dy, T beta, Matrix<T> dx) const {
    kernels::gemm<T>(exec, kernels::Op::kNone, kernels::Op::kNone, 1, dy, weight_, beta, dx);
  }
  void add_weight_gradients(const ExecSpace& exec, Matrix<const T> x, Matrix<const T> dy) {
    kernels::gemm<T>(exec, kernels::Op::kTranspose, kernels::Op::kNone, 1, dy, x, 1, d_weight_);
    if (kind_ == Bias::kNone) return;
    const std::int64_t size = kernels::bias_workspace(dy.extent(0), dy.extent(1));
    kernels::bias_backward<T>(exec, dy, d_bias_, workspace_.get(size));
  }

 private:
  Bias kind_;
  Matrix<T> weight_, d_weight_;
  Vector<T> bias_, d_bias_;
  Buffer<T> workspace_;
};

}  // namespace recpo::baselines
