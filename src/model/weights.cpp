#include "src/model/weights.hpp"

#include <fmt/format.h>

namespace recpo::model {
namespace {
// `matrix(first, last)` gives neighbouring parameters as one matrix, of weights or of gradients.
template <class T, class Store, class MatrixOf>
LlamaTensors<T> collect(const LlamaConfig& config, const Store& store, const MatrixOf& matrix) {
  const auto one = [&](const std::string& name) { return matrix(store.index(name), store.index(name)); };
  const auto vector = [&](const std::string& name) {
    const Matrix<T> row = one(name);
    return Vector<T>(row.data(), row.extent(1));
  };
  LlamaTensors<T> tensors;
  tensors.embedding = one("model.embed_tokens.weight");
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) {
    const auto name = [l](const char* part) { return fmt::format("model.layers.{}.{}.weight", l, part); };
    BlockTensors<T> block;
    block.input_norm = vector(name("input_layernorm"));
    block.qkv = matrix(store.index(name("self_attn.q_proj")), store.index(name("self_attn.v_proj")));
    block.o = one(name("self_attn.o_proj"));
    block.post_norm = vector(name("post_attention_layernorm"));
    block.gate_up = matrix(store.index(name("mlp.gate_proj")), store.index(name("mlp.up_proj")));
    block.down = one(name("mlp.down_proj"));
    tensors.blocks.push_back(block);
  }
  tensors.final_norm = vector("model.norm.weight");
  tensors.head = config.tie_word_embeddings ? tensors.embedding : one("lm_head.weight");
  return tensors;
}
}  // namespace

template <class T>
LlamaTensors<T> llama_weights(const LlamaConfig& config, const ParameterStore<T>& store) {
  return collect<T>(config, store,
                    [&](std::size_t first, std::size_t last) { return store.fused_weight(first, last); });
}

template <class T>
LlamaTensors<Accumulate<T>> llama_gradients(const LlamaConfig& config, const ParameterStore<T>& store) {
  return collect<Accumulate<T>>(config, store,
                                [&](std::size_t first, std::size_t last) { return store.fused_gradient(first, last); });
}

#define RECPO_INSTANTIATE(T)                                                               \
  template LlamaTensors<T> llama_weights<T>(const LlamaConfig&, const ParameterStore<T>&); \
  template LlamaTensors<Accumulate<T>> llama_gradients<T>(const LlamaConfig&, const ParameterStore<T>&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
