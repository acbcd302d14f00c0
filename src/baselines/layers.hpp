#pragma once
// Parts of encoders: reused memory, named parameters with gradients, linear layers, lookups in tables.

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "kernels/bias.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gemm.hpp"
#include "src/support/views.hpp"

namespace recpo::baselines {

template <class T>
std::vector<T> to_host(const Vector<T>& values) {
  std::vector<T> host(values.size());
  Kokkos::deep_copy(HostVector<T>(host.data(), host.size()), values);
  return host;
}
template <class T>
void to_device(std::span<const T> host, const Vector<T>& values) {
  Kokkos::deep_copy(values, HostVector<const T>(host.data(), host.size()));
}
// The elements of a contiguous matrix, or one row, as a vector.
template <class T>
Vector<T> as_vector(const Matrix<T>& matrix) {
  return Vector<T>(matrix.data(), matrix.size());
}
template <class T>
Matrix<T> columns(const Matrix<T>& matrix, std::int64_t begin, std::int64_t end) {
  return Kokkos::subview(matrix, Kokkos::ALL, Kokkos::pair<std::int64_t, std::int64_t>(begin, end));
}
template <class T>
Matrix<T> rows(const Matrix<T>& matrix, std::int64_t begin, std::int64_t end) {
  return Kokkos::subview(matrix, Kokkos::pair<std::int64_t, std::int64_t>(begin, end), Kokkos::ALL);
}

// Memory that grows with the batches and is reused. Contents are lost at each call of get().
template <class T>
class Buffer {
 public:
  Matrix<T> get(std::int64_t rows, std::int64_t columns) {
    const std::int64_t size = rows * columns;
    if (static_cast<std::int64_t>(memory_.extent(0)) < size) {
      memory_ = OwnedVector<T>(Kokkos::view_alloc("recpo::layers::buffer", Kokkos::WithoutInitializing), size);
    }
    return Matrix<T>(memory_.data(), rows, columns);
  }
  Vector<T> get(std::int64_t size) { return Vector<T>(get(1, size).data(), size); }

 private:
  OwnedVector<T> memory_;
};

// Integers from the host.
class Numbers {
 public:
  void assign(const std::vector<int>& values) {
    view_ = buffer_.get(static_cast<std::int64_t>(values.size()));
    to_device<int>(values, view_);
  }
  Vector<const int> view() const { return view_; }
  std::int64_t size() const { return view_.extent(0); }

 private:
  Buffer<int> buffer_;
  Vector<int> view_;
};

enum class Fill : std::uint8_t { kNormal, kUniform, kConstant };

struct ParameterSpec {
  std::string name;
  std::int64_t rows = 1, columns = 1;
  Fill fill = Fill::kConstant;
  double scale = 0;  // standard deviation | bound of both signs | value

  std::int64_t size() const { return rows * columns; }
};

// Weights and gradients: one allocation each, cut into named matrices in the order of the specs. Initial weights are
// draws that are a function of (seed, name, place).
template <class T>
class Parameters {
 public:
  explicit Parameters(std::vector<ParameterSpec> specs);  // weights and gradients are zero

  const std::vector<ParameterSpec>& specs() const { return specs_; }
  std::int64_t size() const { return weights_.extent(0); }
  void initialize(std::uint64_t seed);

  // By name; kInternal for one that is not there.
  Matrix<T> weight(const std::string& name) const { return matrix(weights_, name); }
  Matrix<T> gradient(const std::string& name) const { return matrix(gradients_, name); }
  // All of them, in the order of the list.
  Vector<T> weights() const { return weights_; }
  Vector<T> gradients() const { return gradients_; }

  std::vector<T> host_weights() const { return to_host(weights()); }
  void set_weights(std::span<const T> weights);

 private:
  Matrix<T> matrix(const OwnedVector<T>& memory, const std::string& name) const;

  std::vector<ParameterSpec> specs_;
  OwnedVector<T> weights_, gradients_;
};

// "items 1682 x 64, ...": what a checkpoint holds.
std::string layout_text(const std::vector<ParameterSpec>& specs);

enum class Bias : std::uint8_t { kNone, kAdded, kRectified };  // kRectified: y = max(0, x W^T + b)

// PyTorch's initial weights: uniform in +-1 / sqrt(inputs).
inline void append_linear(std::vector<ParameterSpec>& specs, const std::string& name, std::int64_t outputs,
                          std::int64_t inputs, bool has_bias) {
  const double bound = 1 / std::sqrt(static_cast<double>(inputs));
  specs.push_back({name + ".weight", outputs, inputs, Fill::kUniform, bound});
  if (has_bias) specs.push_back({name + ".bias", 1, outputs, Fill::kUniform, bound});
}

// y = x W^T + b: W [N, K] is "NAME.weight", b [N] is "NAME.bias". x [T, K], y [T, N].
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

// Rows of a table by number, and the table's gradient from theirs: kernels/embedding.hpp with the grouping that its
// backward needs. A number outside the table (kNoItem) gives zeros.
class Lookup {
 public:
  void set(const std::vector<int>& numbers);
  Vector<const int> numbers() const { return numbers_.view(); }
  std::int64_t size() const { return numbers_.size(); }

  // out [size, H] is assigned.
  template <class T>
  void forward(const ExecSpace& exec, Matrix<const T> table, Matrix<T> out) const {
    kernels::embedding_forward<T>(exec, numbers_.view(), table, out);
  }
  // d_rows [size, H]; d_table [V, H] is added to.
  template <class T>
  void backward(const ExecSpace& exec, Matrix<const T> d_rows, Matrix<T> d_table) const {
    kernels::embedding_backward<T>(exec, group_number_.view(), group_begin_.view(), order_.view(), d_rows, d_table);
  }

 private:
  Numbers numbers_, group_number_, group_begin_, order_;
};

}  // namespace recpo::baselines
