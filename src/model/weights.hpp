#pragma once
// The decoder's matrices as the equations need them: neighbours fused (q|k|v, gate|up), one struct a block. Views into
// a ParameterStore, which must outlive them. The same struct serves for weights and for their gradients.

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

template <class T>
LlamaTensors<T> llama_weights(const LlamaConfig& config, const ParameterStore<T>& store);
template <class T>
LlamaTensors<T> llama_gradients(const LlamaConfig& config, const ParameterStore<T>& store);

}  // namespace recpo::model
