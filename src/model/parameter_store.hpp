#pragma once
// Weights and gradients of the parameters of parameter_layout.hpp, one allocation each, owned by the store; weights are
// stored as T, gradients as Accumulate<T>. Views stay valid as long as the store lives. Not collective.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/model/parameter_layout.hpp"
#include "src/support/memory_pool.hpp"
#include "src/support/random.hpp"

namespace recpo::model {

template <class T>
struct Adapters;  // lora.hpp

template <class T>
class ParameterStore {
 public:
  using Gradient = Accumulate<T>;
  // Allocates weights (zero) and gradients (zero), laid out for `ranks` data-parallel ranks.
  ParameterStore(std::vector<Parameter> parameters, GradientMemory gradients, int ranks = 1);
  ParameterStore(std::vector<Parameter> parameters, bool with_gradients)
      : ParameterStore(std::move(parameters), with_gradients ? GradientMemory::kWhole : GradientMemory::kNone) {}

  // Low-rank adapters of this store's projections, which are then frozen; null where there are none.
  const std::shared_ptr<Adapters<T>>& adapters() const { return adapters_; }
  void attach_adapters(std::shared_ptr<Adapters<T>> adapters) { adapters_ = std::move(adapters); }

  const StoreLayout& layout() const { return layout_; }
  const std::vector<Parameter>& parameters() const { return layout_.parameters; }
  const std::vector<Bucket>& buckets() const { return layout_.buckets; }
  std::int64_t size() const { return layout_.size; }  // elements, padding included
  bool has_gradients() const { return gradients_.size() > 0; }
  GradientMemory gradient_memory() const { return layout_.gradient_memory; }
  std::int64_t weight_bytes() const { return weights_.bytes(); }
  std::int64_t gradient_bytes() const { return gradients_.bytes(); }

  Vector<T> weights() const { return weights_.view(); }
  Vector<Gradient> gradients() const { return gradients_.view(); }  // laid out like the weights only with kWhole
  Vector<T> bucket_weights(std::size_t bucket) const;
  Vector<Gradient> bucket_gradients(std::size_t bucket) const;

  std::optional<std::size_t> find(const std::string& name) const;
  std::size_t index(const std::string& name) const;  // kInternal when unknown
  Matrix<T> weight(std::size_t parameter) const { return fused_weight(parameter, parameter); }
  Matrix<Gradient> gradient(std::size_t parameter) const { return fused_gradient(parameter, parameter); }
  // Neighbours first..last as one matrix (q|k|v, gate|up): matrices of equal width below each other, vectors in one
  // row.
  Matrix<T> fused_weight(std::size_t first, std::size_t last) const;
  Matrix<Gradient> fused_gradient(std::size_t first, std::size_t last) const;

 private:
  template <class Element>
  Matrix<Element> matrix(Element* memory, std::size_t first, std::size_t last) const;

  const StoreLayout layout_;
  PoolVector<T> weights_;
  PoolVector<Gradient> gradients_;
  std::shared_ptr<Adapters<T>> adapters_;
};

// Assigns draw(random) to the elements of a parameter that are held at `values`. The numbers are a pure function of
// (seed, parameter name, global row), so that shards agree with the unsharded model.
template <class T, class Draw>
void draw_rows(const Parameter& parameter, std::uint64_t seed, const Draw& draw, T* values) {
  for (std::int64_t row = 0; row < parameter.valid_rows; ++row) {
    Random random(seed, parameter.name, static_cast<std::uint64_t>(parameter.row_begin + row));
    for (std::int64_t c = 0; c < parameter.column_begin; ++c) draw(random);
    for (std::int64_t c = 0; c < parameter.columns(); ++c)
      values[row * parameter.columns() + c] = static_cast<T>(draw(random));
  }
}

// Random weights: normal with config.initializer_range for matrices and embeddings, 1 for norms, 0 for biases.
template <class T>
void initialize_weights(const LlamaConfig& config, std::uint64_t seed, ParameterStore<T>& store);

// The decoder's matrices as the equations need them: neighbours fused (q|k|v, gate|up), one struct a block. Views into
// a ParameterStore, which must outlive them. The same struct serves for weights and for their gradients.
template <class T>
struct BlockTensors {
  Vector<T> input_norm, post_norm;  // [H]
  Matrix<T> qkv;                    // [(N + 2G) D, H]
  Vector<T> qkv_bias;               // [(N + 2G) D]; empty where the architecture has none
  Vector<T> q_norm, k_norm;         // [D], norms of heads; likewise
  Matrix<T> o;                      // [H, N D]
  Matrix<T> gate_up;                // [2F, H]
  Matrix<T> down;                   // [H, F]
};

template <class T>
struct LlamaTensors {
  Matrix<T> embedding;  // [V, H]
  std::vector<BlockTensors<T>> blocks;
  Vector<T> final_norm;  // [H]
  Matrix<T> head;        // [V, H]; the embedding itself when tied
};

template <class T>
LlamaTensors<T> llama_weights(const LlamaConfig& config, const ParameterStore<T>& store);
template <class T>
LlamaTensors<Accumulate<T>> llama_gradients(const LlamaConfig& config, const ParameterStore<T>& store);

}  // namespace recpo::model
