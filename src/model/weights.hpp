#pragma once
// The decoder's matrices as the equations need them: neighbours fused (q|k|v, gate|up), one struct a block. Views into
// a ParameterStore, which must outlive them. The same struct serves for weights and for their gradients.

#include <cstddef>
#include <vector>

#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"

namespace recpo::model {

template <class T>
struct BlockTensors {
  Vector<T> input_norm, post_norm;  // [H]
  Matrix<T> qkv;                    // [(N + 2G) D, H]
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

// Places of llama_parameters() in the store's buckets. With tied embeddings the head's bucket is the embedding's.
struct LlamaBuckets {
  std::size_t embedding = 0, head = 0, norms = 0;
  explicit LlamaBuckets(const LlamaConfig& config) {
    const auto layers = static_cast<std::size_t>(config.num_hidden_layers);
    if (!config.tie_word_embeddings) head = layers + 1;
    norms = layers + (config.tie_word_embeddings ? 1 : 2);
  }
  std::size_t layer(std::size_t index) const { return 1 + index; }
};

template <class T>
LlamaTensors<T> llama_weights(const LlamaConfig& config, const ParameterStore<T>& store);
template <class T>
LlamaTensors<Accumulate<T>> llama_gradients(const LlamaConfig& config, const ParameterStore<T>& store);

}  // namespace recpo::model
