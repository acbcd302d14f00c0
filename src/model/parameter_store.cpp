#include "src/model/parameter_store.hpp"

#include <algorithm>
#include <cmath>

#include "src/model/parameter_layout.hpp"
#include "src/model/parameter_shard.hpp"
#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::model {
namespace {
constexpr std::string_view kLayers = "model.layers.";
std::string layer_prefix(std::int64_t layer) { return fmt::format("{}{}.", kLayers, layer); }

// "model.layers.3.self_attn.q_proj.weight" -> "model.layers.3"
std::string bucket_name(const Parameter& first) {
  const std::string& name = first.name;
  if (!first.decay) return "norms";
  if (const auto end = name.find(".", kLayers.size()); name.find(".lora_") != name.npos)
    return fmt::format("{}.adapters{}", name.substr(0, end), first.split == Split::kNone ? ", whole" : "");
  return name.substr(0, name.starts_with(kLayers) ? name.find('.', kLayers.size()) : name.rfind('.'));
}

// A layer of the decoder, not its adapters.
bool is_layer(const std::string& bucket) {
  return bucket.starts_with(kLayers) && bucket.find('.', kLayers.size()) == bucket.npos;
}

std::int64_t round_up(std::int64_t n, std::int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }
}  // namespace

std::vector<Parameter> llama_parameters(const LlamaConfig& config, const Shard& shard) {
  const std::int64_t hidden = config.hidden_size, ffn = config.intermediate_size;
  const std::int64_t query = config.query_width(), key_value = config.key_value_width();
  ParameterLayout layout(shard);
  layout.open_bucket();
  layout.matrix("model.embed_tokens.weight", config.vocab_size, hidden, Split::kRows);
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) {
    const std::string prefix = layer_prefix(l);
    layout.open_bucket();
    layout.matrix(prefix + "self_attn.q_proj.weight", query, hidden, Split::kRows);
    layout.matrix(prefix + "self_attn.k_proj.weight", key_value, hidden, Split::kRows);
    layout.matrix(prefix + "self_attn.v_proj.weight", key_value, hidden, Split::kRows);
    layout.matrix(prefix + "self_attn.o_proj.weight", hidden, query, Split::kColumns);
    layout.matrix(prefix + "mlp.gate_proj.weight", ffn, hidden, Split::kRows);
    layout.matrix(prefix + "mlp.up_proj.weight", ffn, hidden, Split::kRows);
    layout.matrix(prefix + "mlp.down_proj.weight", hidden, ffn, Split::kColumns);
  }
  if (!config.tie_word_embeddings) {
    layout.open_bucket();
    layout.matrix("lm_head.weight", config.vocab_size, hidden, Split::kRows);
  }
  layout.open_bucket();
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) {
    layout.norm(layer_prefix(l) + "input_layernorm.weight", hidden);
    layout.norm(layer_prefix(l) + "post_attention_layernorm.weight", hidden);
  }
  layout.norm("model.norm.weight", hidden);
  return layout.take();
}

StoreLayout::StoreLayout(std::vector<Parameter> all, GradientMemory gradients, int ranks)
    : parameters(std::move(all)), gradient_memory(gradients) {
  const std::int64_t multiple = kChunkAlignment * chunks_of_bucket(ranks);
  for (Parameter& parameter : parameters) {
    if (static_cast<std::size_t>(parameter.bucket) == buckets.size()) {
      size = round_up(size, multiple);
      if (!buckets.empty()) buckets.back().end = size;
      buckets.push_back({bucket_name(parameter), size, size, parameter.split == Split::kNone});
    }
    parameter.offset = size;
    size += parameter.size();
  }
  size = round_up(size, multiple);
  if (!buckets.empty()) buckets.back().end = size;

  std::int64_t slots[2] = {-1, -1}, layers = 0;
  for (const Bucket& bucket : buckets) {
    if (gradients == GradientMemory::kNone) break;
    const bool shares = gradients == GradientMemory::kTwoLayers && is_layer(bucket.name);
    if (shares && layers >= 2) {
      gradient_begin.push_back(slots[layers % 2]);
    } else {
      gradient_begin.push_back(gradient_size);
      gradient_size += bucket.size();
    }
    if (shares) slots[layers++ % 2] = gradient_begin.back();
  }
}

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
std::size_t ParameterStore<T>::index(const std::string& name) const {
  for (std::size_t i = 0; i < layout_.parameters.size(); ++i) {
    if (layout_.parameters[i].name == name) return i;
  }
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
  RECPO_REQUIRE(first <= last && last < layout_.parameters.size());
  std::int64_t rows = 0;
  for (std::size_t i = first; i <= last; ++i) {
    RECPO_REQUIRE(layout_.parameters[i].columns() == layout_.parameters[first].columns());
    RECPO_REQUIRE(layout_.parameters[i].offset ==
                  layout_.parameters[first].offset + rows * layout_.parameters[first].columns());
    rows += layout_.parameters[i].rows();
  }
  return Matrix<Element>(memory + layout_.parameters[first].offset, rows, layout_.parameters[first].columns());
}

template <class T>
void initialize_weights(const LlamaConfig& config, std::uint64_t seed, ParameterStore<T>& store) {
  auto host = Kokkos::create_mirror_view(store.weights());
  Kokkos::deep_copy(host, T(0));
  for (const Parameter& parameter : store.parameters()) {
    T* values = host.data() + parameter.offset;
    if (parameter.split == Split::kNone) {
      std::fill_n(values, parameter.size(), T(1));
      continue;
    }
    for (std::int64_t row = 0; row < parameter.valid_rows; ++row) {
      Random random(seed, parameter.name, static_cast<std::uint64_t>(parameter.row_begin + row));
      for (std::int64_t c = 0; c < parameter.column_begin + parameter.columns(); ++c) {
        const double value = config.initializer_range * random.normal();
        if (c >= parameter.column_begin) {
          values[row * parameter.columns() + c - parameter.column_begin] = static_cast<T>(value);
        }
      }
    }
  }
  Kokkos::deep_copy(store.weights(), host);
}

#define RECPO_INSTANTIATE(T)        \
  template class ParameterStore<T>; \
  template void initialize_weights<T>(const LlamaConfig&, std::uint64_t, ParameterStore<T>&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
