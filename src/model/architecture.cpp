#include "src/model/architecture.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/model/parameter_layout.hpp"
#include "src/support/check.hpp"

namespace recpo::model {

#define RECPO_ARCHITECTURE(name) extern const Architecture name;
#include "architecture_list.inc"
#undef RECPO_ARCHITECTURE

namespace {
std::vector<const Architecture*>& registry() {
#define RECPO_ARCHITECTURE(name) &name,
  static std::vector<const Architecture*> all = {
#include "architecture_list.inc"
  };
#undef RECPO_ARCHITECTURE
  return all;
}
}  // namespace

const std::vector<const Architecture*>& architectures() { return registry(); }
void add_architecture(const Architecture& architecture) { registry().push_back(&architecture); }

const Architecture* find_architecture(const std::string& model_type) {
  for (const Architecture* architecture : architectures()) {
    if (model_type == architecture->model_type) return architecture;
  }
  return nullptr;
}

const Architecture& architecture_of(const LlamaConfig& config) {
  const Architecture* architecture = find_architecture(config.model_type);
  RECPO_REQUIRE(architecture != nullptr);
  return *architecture;
}

BlockParts block_parts(const LlamaConfig& config) {
  ParameterLayout layout({});
  layout.open_bucket();
  architecture_of(config).layer_weights(config, "", layout);
  layout.open_bucket();
  architecture_of(config).layer_norms(config, "", layout);
  const std::vector<Parameter> parameters = layout.take();
  const auto has = [&](const char* name) {
    return std::ranges::find(parameters, name, &Parameter::name) != parameters.end();
  };
  return {has("self_attn.q_proj.bias"), has("self_attn.q_norm.weight")};
}

std::vector<Parameter> llama_parameters(const LlamaConfig& config, const Shard& shard) {
  const Architecture& architecture = architecture_of(config);
  const std::int64_t hidden = config.hidden_size;
  const auto prefix = [](std::int64_t layer) { return fmt::format("model.layers.{}.", layer); };
  ParameterLayout layout(shard);
  layout.open_bucket();
  layout.matrix("model.embed_tokens.weight", config.vocab_size, hidden, Role::kEmbedding);
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) {
    layout.open_bucket();
    architecture.layer_weights(config, prefix(l), layout);
  }
  if (!config.tie_word_embeddings) {
    layout.open_bucket();
    layout.matrix("lm_head.weight", config.vocab_size, hidden, Role::kHead);
  }
  layout.open_bucket();
  for (std::int64_t l = 0; l < config.num_hidden_layers; ++l) architecture.layer_norms(config, prefix(l), layout);
  // The head works on all rows that predict, on every shard.
  layout.norm("model.norm.weight", hidden, TensorGradient::kWhole);
  return layout.take();
}

std::int64_t LlamaConfig::num_parameters() const {
  const auto count = [&](std::int64_t layers) {
    LlamaConfig config = *this;
    config.num_hidden_layers = layers;
    std::int64_t elements = 0;
    for (const Parameter& parameter : llama_parameters(config)) elements += parameter.global_size();
    return elements;
  };
  const std::int64_t without_layers = count(0);
  return without_layers + num_hidden_layers * (count(1) - without_layers);
}

}  // namespace recpo::model
