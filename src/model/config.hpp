#pragma once
// Shape of a Llama decoder, as Hugging Face's config.json describes it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/rope.hpp"

namespace recpo::model {

struct LlamaConfig {
  std::int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  std::int64_t num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0, head_dim = 0;
  std::int64_t max_position_embeddings = 8192;
  double rms_norm_eps = 1e-5, rope_theta = 10000.0;
  kernels::RopeScaling rope_scaling;  // factor 1 = none
  bool tie_word_embeddings = false;
  std::int32_t bos_token_id = -1, eos_token_id = -1;  // the first of a list; -1 = not named
  std::vector<std::int32_t> more_eos_token_ids;       // the rest of the list, kept for those who generate elsewhere
  double initializer_range = 0.02;
  std::string dtype = "float32";  // of the files the weights came from: float32 | bfloat16 | float16; not compared

  std::int64_t query_width() const { return num_attention_heads * head_dim; }
  std::int64_t key_value_width() const { return num_key_value_heads * head_dim; }
  std::int64_t num_parameters() const;

  friend bool operator==(const LlamaConfig&, const LlamaConfig&);
};

// Throws kBadInput naming `source` and the key that is missing, of the wrong type, or unsupported: whatever would
// change results and the decoder does not do (biases, other activations, rope types or architectures, sliding windows).
// Older and newer spellings are read: torch_dtype or dtype, rope_theta and rope_scaling or rope_parameters.
LlamaConfig parse_config(std::string_view json, const std::string& source);
std::string to_json(const LlamaConfig& config, const std::string& dtype);
std::string to_json(const LlamaConfig& config);  // with its own dtype

// Named shapes for random weights: tiny, smollm2-135m, llama-3.2-1b, llama-3.1-8b. Throws kUsage with the known names.
LlamaConfig named_config(const std::string& size);

}  // namespace recpo::model
