#pragma once
// A Llama with every optional part of a block: biases of q, k and v as in Qwen2.5, norms of heads as in Qwen3.

#include "src/model/architecture.hpp"
#include "src/model/parameter_layout.hpp"

namespace recpo::test {

inline model::LlamaConfig rich(model::LlamaConfig config) {
  using model::LlamaConfig;
  using model::ParameterLayout;
  static const model::Architecture architecture = {
      "rich",
      "RichForCausalLM",
      nullptr,
      nullptr,
      [](const LlamaConfig& shape, const std::string& prefix, ParameterLayout& layout) {
        model::find_architecture("llama")->layer_weights(shape, prefix, layout);
        layout.bias(prefix + "self_attn.q_proj.bias", shape.query_width());
        layout.bias(prefix + "self_attn.k_proj.bias", shape.key_value_width());
        layout.bias(prefix + "self_attn.v_proj.bias", shape.key_value_width());
      },
      [](const LlamaConfig& shape, const std::string& prefix, ParameterLayout& layout) {
        model::find_architecture("llama")->layer_norms(shape, prefix, layout);
        layout.norm(prefix + "self_attn.q_norm.weight", shape.head_dim, model::TensorGradient::kPart);
        layout.norm(prefix + "self_attn.k_norm.weight", shape.head_dim, model::TensorGradient::kPart);
      }};
  static const bool is_added = [] {
    model::add_architecture(architecture);
    return true;
  }();
  config.model_type = is_added ? architecture.model_type : "";
  return config;
}

}  // namespace recpo::test
