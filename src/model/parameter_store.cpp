#include "src/model/parameter_store.hpp"

#include <cmath>

#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::model {
namespace {
constexpr std::int64_t kBucketAlignment = 64;  // elements

// Collects parameters bucket by bucket.
class Layout {
 public:
  void open_bucket() { ++bucket_; }
  void matrix(std::string name, std::int64_t rows, std::int64_t columns, Split split) {
    parameters_.push_back({std::move(name), {rows, columns}, split, true, bucket_, 0});
  }
  void norm(std::string name, std::int64_t size) {
    parameters_.push_back({std::move(name), {size}, Split::kNone, false, bucket_, 0});
  }
  std::vector<Parameter> take() { return std::move(parameters_); }

 private:
  std::vector<Parameter> parameters_;
  int bucket_ = -1;
};
}  // namespace

std::vector<Parameter> llama_parameters(const LlamaConfig& config) {
  const std::int64_t hidden = config.hidden_size, ffn = config.intermediate_size;
  const std::int64_t query = config.query_width(), key_value = config.key_value_width();
  Layout layout;
  layout.open_bucket();
  layout.matrix("model.embed_tokens.weight", config.vocab_size, hidden, Split::kRows);
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) {
    const std::string prefix = fmt::format("model.layers.{}.", l);
    layout.open_bucket();
    layout.norm(prefix + "input_layernorm.weight", hidden);
    layout.matrix(prefix + "self_attn.q_proj.weight", query, hidden, Split::kRows);
    layout.matrix(prefix + "self_attn.k_proj.weight", key_value, hidden, Split::kRows);
    layout.matrix(prefix + "self_attn.v_proj.weight", key_value, hidden, Split::kRows);
    layout.matrix(prefix + "self_attn.o_proj.weight", hidden, query, Split::kColumns);
    layout.norm(prefix + "post_attention_layernorm.weight", hidden);
    layout.matrix(prefix + "mlp.gate_proj.weight", ffn, hidden, Split::kRows);
    layout.matrix(prefix + "mlp.up_proj.weight", ffn, hidden, Split::kRows);
    layout.matrix(prefix + "mlp.down_proj.weight", hidden, ffn, Split::kColumns);
  }
  layout.open_bucket();
  layout.norm("model.norm.weight", hidden);
  if (!config.tie_word_embeddings) layout.matrix("lm_head.weight", config.vocab_size, hidden, Split::kRows);
  return layout.take();
}

template <class T>
ParameterStore<T>::ParameterStore(std::vector<Parameter> parameters, bool with_gradients)
    : parameters_(std::move(parameters)) {
  for (Parameter& parameter : parameters_) {
    if (static_cast<std::size_t>(parameter.bucket) == buckets_.size()) {
      size_ = (size_ + kBucketAlignment - 1) / kBucketAlignment * kBucketAlignment;
      if (!buckets_.empty()) buckets_.back().end = size_;
      buckets_.push_back({parameter.name.substr(0, parameter.name.rfind('.')), size_, size_});
    }
    parameter.offset = size_;
    size_ += parameter.size();
    buckets_.back().end = size_;
  }
  weights_ = OwnedVector<T>("recpo::parameter_store::weights", size_);
  if (with_gradients) gradients_ = OwnedVector<T>("recpo::parameter_store::gradients", size_);
}

template <class T>
std::size_t ParameterStore<T>::index(const std::string& name) const {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    if (parameters_[i].name == name) return i;
  }
  throw_error(ExitCode::kInternal, "no parameter is called {}", name);
}

template <class T>
Matrix<T> ParameterStore<T>::matrix(const OwnedVector<T>& memory, std::size_t first, std::size_t last) const {
  RECPO_REQUIRE(memory.extent(0) > 0 && first <= last && last < parameters_.size());
  std::int64_t rows = 0;
  for (std::size_t i = first; i <= last; ++i) {
    RECPO_REQUIRE(parameters_[i].columns() == parameters_[first].columns());
    RECPO_REQUIRE(parameters_[i].offset == parameters_[first].offset + rows * parameters_[first].columns());
    rows += parameters_[i].rows();
  }
  return Matrix<T>(memory.data() + parameters_[first].offset, rows, parameters_[first].columns());
}

template <class T>
void initialize_weights(const LlamaConfig& config, std::uint64_t seed, ParameterStore<T>& store) {
  auto host = Kokkos::create_mirror_view(store.weights());
  Kokkos::deep_copy(host, T(0));
  for (const Parameter& parameter : store.parameters()) {
    T* values = host.data() + parameter.offset;
    if (parameter.shape.size() == 1) {
      std::fill_n(values, parameter.size(), T(1));
      continue;
    }
    Random random(seed, parameter.name);
    for (std::int64_t i = 0; i < parameter.size(); ++i) {
      values[i] = static_cast<T>(config.initializer_range * random.normal());
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
