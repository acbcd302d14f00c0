#pragma once
// The one registry of parameters: name -> shape, bucket, decay, split; weights and gradients are one allocation each,
// laid out bucket by bucket (embedding, one bucket a layer, final norm and head), so that optimizer slices and
// collectives are contiguous. Everything that visits parameters (init, load, save, clip, step) goes through it.
// The store owns the memory; Views handed out stay valid as long as it lives. Not collective.

#include <string>
#include <vector>

#include "src/model/config.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

enum class Split : std::uint8_t { kNone, kRows, kColumns };  // how tensor parallelism cuts the matrix

struct Parameter {
  std::string name;                 // Hugging Face's, "model.layers.3.self_attn.q_proj.weight"
  std::vector<std::int64_t> shape;  // global, row-major: [rows, columns] or [columns]
  Split split = Split::kNone;
  bool decay = true;  // weight decay applies (matrices and embeddings, not norms)
  int bucket = 0;
  std::int64_t offset = 0;  // of its first element in weights() and gradients()

  std::int64_t rows() const { return shape.size() == 2 ? shape[0] : 1; }
  std::int64_t columns() const { return shape.back(); }
  std::int64_t size() const { return rows() * columns(); }
};

struct Bucket {
  std::string name;                 // "embedding", "layers.3", "head"
  std::int64_t begin = 0, end = 0;  // elements; buckets tile the allocation
};

// The parameters of a Llama decoder in storage order. q, k, v are neighbours, and so are gate and up: their products
// are one matrix product each. No lm_head with tied embeddings.
std::vector<Parameter> llama_parameters(const LlamaConfig& config);

template <class T>
class ParameterStore {
 public:
  // Allocates weights (zero) and, when asked, gradients (zero).
  ParameterStore(std::vector<Parameter> parameters, bool with_gradients);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<Bucket>& buckets() const { return buckets_; }
  std::int64_t size() const { return size_; }
  bool has_gradients() const { return gradients_.extent(0) > 0; }

  Vector<T> weights() const { return weights_; }
  Vector<T> gradients() const { return gradients_; }

  std::size_t index(const std::string& name) const;  // kInternal when unknown
  Matrix<T> weight(std::size_t parameter) const { return matrix(weights_, parameter, parameter); }
  Matrix<T> gradient(std::size_t parameter) const { return matrix(gradients_, parameter, parameter); }
  // Neighbours first..last of equal width as one matrix (q|k|v, gate|up).
  Matrix<T> fused_weight(std::size_t first, std::size_t last) const { return matrix(weights_, first, last); }
  Matrix<T> fused_gradient(std::size_t first, std::size_t last) const { return matrix(gradients_, first, last); }

 private:
  Matrix<T> matrix(const OwnedVector<T>& memory, std::size_t first, std::size_t last) const;

  std::vector<Parameter> parameters_;
  std::vector<Bucket> buckets_;
  std::int64_t size_ = 0;
  OwnedVector<T> weights_, gradients_;
};

// Random weights: normal with config.initializer_range for matrices and embeddings, 1 for norms. A pure function of
// (seed, parameter name).
template <class T>
void initialize_weights(const LlamaConfig& config, std::uint64_t seed, ParameterStore<T>& store);

}  // namespace recpo::model
