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

// Places in the buckets of the store that is trained: of llama_parameters(), or of adapter_parameters(), which have
// two for each layer and nothing else. With tied embeddings the head's bucket is the embedding's.
struct LlamaBuckets {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t embedding = 0, head = 0, norms = 0, first_layer = 1, of_layer = 1;

  LlamaBuckets(const LlamaConfig& config, bool adapters) {
    if (adapters) {
      embedding = head = norms = kNone;
      first_layer = 0;
      of_layer = 2;
      return;
    }
    const auto layers = static_cast<std::size_t>(config.num_hidden_layers);
    if (!config.tie_word_embeddings) head = layers + 1;
    norms = layers + (config.tie_word_embeddings ? 1 : 2);
  }
  // visit(bucket) for those of a layer.
  template <class Visit>
  void for_layer(std::size_t index, const Visit& visit) const {
    for (std::size_t b = 0; b < of_layer; ++b) visit(first_layer + index * of_layer + b);
  }
};

template <class T>
LlamaTensors<T> llama_weights(const LlamaConfig& config, const ParameterStore<T>& store);
template <class T>
LlamaTensors<Accumulate<T>> llama_gradients(const LlamaConfig& config, const ParameterStore<T>& store);

}  // namespace recpo::model
