#include "src/model/parameter_store.hpp"

#include <algorithm>

#include "src/support/check.hpp"

namespace recpo::model {

template <class T>
ParameterStore<T>::ParameterStore(std::vector<Parameter> parameters, GradientMemory gradients, int ranks)
    : layout_(std::move(parameters), gradients, ranks),
      weights_("recpo::parameter_store::weights", layout_.size),
      gradients_("recpo::parameter_store::gradients", layout_.gradient_size) {}

template <class T>
Vector<T> ParameterStore<T>::bucket_weights(std::size_t bucket) const {
  return weights_.part(layout_.buckets[bucket].begin, layout_.buckets[bucket].size());
}

template <class T>
Vector<Accumulate<T>> ParameterStore<T>::bucket_gradients(std::size_t bucket) const {
  RECPO_REQUIRE(has_gradients());
  return gradients_.part(layout_.gradient_begin[bucket], layout_.buckets[bucket].size());
}

template <class T>
std::optional<std::size_t> ParameterStore<T>::find(const std::string& name) const {
  const auto found = std::ranges::find(parameters(), name, &Parameter::name);
  if (found == parameters().end()) return std::nullopt;
  return static_cast<std::size_t>(found - parameters().begin());
}

template <class T>
std::size_t ParameterStore<T>::index(const std::string& name) const {
  if (const auto found = find(name)) return *found;
  throw_error(ExitCode::kInternal, "no parameter is called {}", name);
}

template <class T>
Matrix<T> ParameterStore<T>::fused_weight(std::size_t first, std::size_t last) const {
  return matrix(weights_.data(), first, last);
}

template <class T>
Matrix<Accumulate<T>> ParameterStore<T>::fused_gradient(std::size_t first, std::size_t last) const {
  const auto bucket = static_cast<std::size_t>(layout_.parameters[first].bucket);
  return matrix(bucket_gradients(bucket).data() - layout_.buckets[bucket].begin, first, last);
}

template <class T>
template <class Element>
Matrix<Element> ParameterStore<T>::matrix(Element* memory, std::size_t first, std::size_t last) const {
  RECPO_REQUIRE(first <= last && last < parameters().size());
  const Parameter& top = parameters()[first];
  const bool is_vector = top.shape.size() == 1;
  std::int64_t elements = 0;
  for (std::size_t i = first; i <= last; ++i) {
    const Parameter& parameter = parameters()[i];
    RECPO_REQUIRE(is_vector || parameter.columns() == top.columns());
    RECPO_REQUIRE(parameter.offset == top.offset + elements);
    elements += parameter.size();
  }
  const std::int64_t columns = is_vector ? elements : top.columns();
  return Matrix<Element>(memory + top.offset, elements / columns, columns);
}

template <class T>
void initialize_weights(const LlamaConfig& config, std::uint64_t seed, ParameterStore<T>& store) {
  auto host = Kokkos::create_mirror_view(store.weights());
  Kokkos::deep_copy(host, T(0));
  for (const Parameter& parameter : store.parameters()) {
    T* values = host.data() + parameter.offset;
    if (parameter.role == Role::kBias) continue;
    if (parameter.role == Role::kNorm) {
      std::fill_n(values, parameter.size(), T(1));
      continue;
    }
    draw_rows(
        parameter, seed, [&](Random& random) { return config.initializer_range * random.normal(); }, values);
  }
  Kokkos::deep_copy(store.weights(), host);
}

RECPO_INSTANTIATE_STORAGE_CLASS(ParameterStore);
RECPO_INSTANTIATE_STORAGE(initialize_weights);

namespace {
// `matrix(first, last)` gives neighbouring parameters as one matrix, of weights or of gradients.
template <class T, class Store, class MatrixOf>
LlamaTensors<T> collect(const LlamaConfig& config, const Store& store, const MatrixOf& matrix) {
  const auto fused = [&](const std::string& first, const std::string& last) {
    return matrix(store.index(first), store.index(last));
  };
  const auto one = [&](const std::string& name) { return fused(name, name); };
  // Neighbours in one row; empty where there are none.
  const auto vectors = [&](const std::string& first, const std::string& last) {
    if (!store.find(first)) return Vector<T>();
    const Matrix<T> row = fused(first, last);
    return Vector<T>(row.data(), row.extent(1));
  };
  const auto vector = [&](const std::string& name) { return vectors(name, name); };
  LlamaTensors<T> tensors;
  tensors.embedding = one("model.embed_tokens.weight");
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) {
    const auto name = [l](const char* part) { return fmt::format("model.layers.{}.{}.weight", l, part); };
    BlockTensors<T> block;
    const auto bias = [l](const char* part) { return fmt::format("model.layers.{}.{}.bias", l, part); };
    block.input_norm = vector(name("input_layernorm"));
    block.qkv = fused(name("self_attn.q_proj"), name("self_attn.v_proj"));
    block.qkv_bias = vectors(bias("self_attn.q_proj"), bias("self_attn.v_proj"));
    block.q_norm = vector(name("self_attn.q_norm"));
    block.k_norm = vector(name("self_attn.k_norm"));
    block.o = one(name("self_attn.o_proj"));
    block.post_norm = vector(name("post_attention_layernorm"));
    block.gate_up = fused(name("mlp.gate_proj"), name("mlp.up_proj"));
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

RECPO_INSTANTIATE_STORAGE(llama_weights);
RECPO_INSTANTIATE_STORAGE(llama_gradients);

}  // namespace recpo::model
