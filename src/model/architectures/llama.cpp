// Llama 2 and 3, SmolLM2: RMS norms before attention and feed-forward, rotary positions, grouped-query attention,
// SwiGLU, no biases.

#include <nlohmann/json.hpp>

#include "src/model/architecture.hpp"
#include "src/model/parameter_layout.hpp"
#include "src/support/check.hpp"
#include "src/support/json.hpp"

namespace recpo::model {
namespace {

void read_keys(const JsonObject& json, LlamaConfig&) {
  for (const std::string key : {"attention_bias", "mlp_bias", "rope_interleaved", "use_qk_norm"})
    if (json.boolean(key, false)) throw_input("{}: {} true is not supported, only false", json.source(), key);
}

void write_keys(const LlamaConfig&, nlohmann::ordered_json& json) {
  json["attention_bias"] = false;
  json["mlp_bias"] = false;
}

void layer_weights(const LlamaConfig& config, const std::string& prefix, ParameterLayout& layout) {
  const std::int64_t hidden = config.hidden_size, ffn = config.intermediate_size;
  const std::int64_t query = config.query_width(), key_value = config.key_value_width();
  layout.matrix(prefix + "self_attn.q_proj.weight", query, hidden, Role::kColumnParallel);
  layout.matrix(prefix + "self_attn.k_proj.weight", key_value, hidden, Role::kColumnParallel);
  layout.matrix(prefix + "self_attn.v_proj.weight", key_value, hidden, Role::kColumnParallel);
  layout.matrix(prefix + "self_attn.o_proj.weight", hidden, query, Role::kRowParallel);
  layout.matrix(prefix + "mlp.gate_proj.weight", ffn, hidden, Role::kColumnParallel);
  layout.matrix(prefix + "mlp.up_proj.weight", ffn, hidden, Role::kColumnParallel);
  layout.matrix(prefix + "mlp.down_proj.weight", hidden, ffn, Role::kRowParallel);
}

void layer_norms(const LlamaConfig& config, const std::string& prefix, ParameterLayout& layout) {
  layout.norm(prefix + "input_layernorm.weight", config.hidden_size, TensorGradient::kPartOfSplitTokens);
  layout.norm(prefix + "post_attention_layernorm.weight", config.hidden_size, TensorGradient::kPartOfSplitTokens);
}

}  // namespace

extern const Architecture llama;
const Architecture llama = {"llama", "LlamaForCausalLM", read_keys, write_keys, layer_weights, layer_norms};

}  // namespace recpo::model
