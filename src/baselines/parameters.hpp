#pragma once
// The weights of a baseline and their gradients: one allocation each, cut into named matrices in the order of the list.
// Weights begin as draws that are a function of (seed, name, place).

#include <span>
#include <string>
#include <vector>

#include "src/support/views.hpp"

namespace recpo::baselines {

enum class Fill : std::uint8_t { kNormal, kUniform, kConstant };

struct ParameterSpec {
  std::string name;
  std::int64_t rows = 1, columns = 1;
  Fill fill = Fill::kConstant;
  double scale = 0;  // standard deviation | bound of both signs | value

  std::int64_t size() const { return rows * columns; }
};

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

  std::vector<T> host_weights() const;
  void set_weights(std::span<const T> weights);

 private:
  Matrix<T> matrix(const OwnedVector<T>& memory, const std::string& name) const;

  std::vector<ParameterSpec> specs_;
  OwnedVector<T> weights_, gradients_;
};

// "items 1682 x 64, ...": what a checkpoint holds.
std::string layout_text(const std::vector<ParameterSpec>& specs);

// A matrix of one row as a vector.
template <class T>
Vector<T> as_vector(const Matrix<T>& row) {
  return Vector<T>(row.data(), row.size());
}

}  // namespace recpo::baselines
