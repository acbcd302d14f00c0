#pragma once
// Low-rank adapters (LoRA; Hu et al. 2021): beside a frozen projection y = x W^T stands
//   y += s dropout(x) A^T B^T,   A [r, in], B [out, r], s = alpha / r,
// with B zero at first, so that training begins at the frozen model. Adapters live in a parameter store of their own,
// which the frozen store carries; training, sharding and checkpoints see that store as they see any other.
//
// Under tensor parallelism W's cut is followed: a projection cut by rows (q, k, v, gate, up) has all of A and the rows
// of B on each shard, one cut by columns (o, down) the columns of A and all of B. What every shard has all of gets
// gradients that are the shard's part of a sum (replicated buckets). Names are those of PEFT without its prefix:
// "model.layers.3.self_attn.q_proj.lora_A.weight".

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "src/model/parameter_store.hpp"

namespace recpo::model {

enum class Projection : std::uint8_t { kQ, kK, kV, kO, kGate, kUp, kDown };
inline constexpr std::size_t kProjections = 7;

struct LoraOptions {
  std::int64_t rank = 0;  // 0: no adapters
  double alpha = 32.0, dropout = 0.0;
  std::vector<std::string> targets = {"q", "k", "v", "o", "gate", "up", "down"};

  bool exists() const { return rank > 0; }
  double scale() const { return alpha / static_cast<double>(rank); }
  bool has(Projection projection) const;
  friend bool operator==(const LoraOptions&, const LoraOptions&) = default;
};

// "q" -> "self_attn.q_proj"
const char* short_name(Projection projection);
const char* module_name(Projection projection);

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

}  // namespace recpo::model
