#pragma once
// Low-rank adapters (LoRA; Hu et al. 2021): a frozen projection y = x W^T becomes
//   y += s dropout(x) A^T B^T,   A [r, in], B [out, r], s = alpha / r,
// with B zero at first, so that training begins at the frozen model. Adapters live in a parameter store of their own,
// which the frozen store carries; training, sharding and checkpoints see that store as they see any other.
//
// Under tensor parallelism W's cut is followed: a column-parallel projection (q, k, v, gate, up) has all of A and the
// rows of B on each shard, a row-parallel one (o, down) the columns of A and all of B. What every shard has all of gets
// gradients that are the shard's part of a sum (replicated buckets). Names are those of PEFT without its prefix:
// "model.layers.3.self_attn.q_proj.lora_A.weight".

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "kernels/dropout.hpp"
#include "src/model/options.hpp"
#include "src/model/parameter_store.hpp"

namespace recpo::model {

// A shard's adapters in storage order: for each layer one bucket of what every shard has, one of what is cut.
std::vector<Parameter> adapter_parameters(const LlamaConfig& config, const LoraOptions& options,
                                          const Shard& shard = {});

template <class T>
struct Adapter {
  Matrix<T> a, b;  // [r, in], [out, r] of the shard
  bool exists() const { return a.data() != nullptr; }
};
template <class T>
using BlockAdapters = std::array<Adapter<T>, kProjections>;

template <class T>
struct Adapters {
  Adapters(const LlamaConfig& config, const LoraOptions& lora, const Shard& shard, GradientMemory gradients,
           int ranks = 1)
      : options(lora), store(adapter_parameters(config, lora, shard), gradients, ranks) {}

  LoraOptions options;
  ParameterStore<T> store;
};

// Views of all layers' adapters, or of their gradients.
template <class T>
std::vector<BlockAdapters<T>> adapter_weights(const LlamaConfig& config, const Adapters<T>& adapters);
template <class T>
std::vector<BlockAdapters<Accumulate<T>>> adapter_gradients(const LlamaConfig& config, const Adapters<T>& adapters);

// A as torch.nn.Linear is initialised (uniform in +-1 / sqrt(in)), B zero: a pure function of (seed, name, global row).
template <class T>
void initialize_adapters(std::uint64_t seed, Adapters<T>& adapters);

// W += s B A for every adapter; the store then carries none. Local to the shard.
template <class T>
void merge_adapters(const LlamaConfig& config, ParameterStore<T>& store);

// The parameters that are trained: the adapters where the store carries some, itself otherwise.
template <class T>
ParameterStore<T>& trained_store(ParameterStore<T>& store) {
  return store.adapters() ? store.adapters()->store : store;
}

// Forward and backward of one block's adapters, next to each projection.
//   forward    u = dropout(x) A^T,  y += s u B^T
//   backward   dB += s dy^T u,  du = s dy B,  dA += du^T dropout(x),  dx += dropout'(du A)
// Under tensor parallelism everything is local to the shard: with A's columns cut, u is the shard's part, and so is its
// term of y, which the caller sums over shards as it does W's.
template <class T>
struct BlockLora {
  BlockAdapters<T> weights;
  BlockAdapters<Accumulate<T>> gradients;                 // empty outside training
  std::array<Matrix<T>, kProjections> u;                  // [T, r], kept for the backward pass
  Matrix<T> d_u;                                          // [T, r]
  Vector<T> dropped, d_dropped;                           // workspace, T x the widest input; empty without dropout
  kernels::DropoutMask mask;                              // salt of the layer; no keys: no dropout
  std::array<std::int64_t, kProjections> first_column{};  // of the shard's input
  double scale = 0;

  bool drops() const { return mask.key.extent(0) > 0; }
};

// y += the adapter's term; nothing where the projection has none.
template <class T>
void adapter_forward(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x,
                     Matrix<T> y);

// u alone.
template <class T>
void adapter_project_down(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x);

// dx += and the adapter's gradients +=; x and u are those of the forward.
template <class T>
void adapter_backward(const ExecSpace& exec, const BlockLora<T>& lora, Projection projection, Matrix<const T> x,
                      Matrix<const T> dy, Matrix<T> dx);

}  // namespace recpo::model
