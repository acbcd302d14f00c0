#pragma once
// Shape of a decoder, as Hugging Face's config.json describes it.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/rope_scaling.hpp"
#include "src/support/enum_names.hpp"

namespace recpo::model {

// Element types of weights, by their names in config.json. Double is for checkpoints only.
enum class Dtype : std::uint8_t { kFloat32, kBfloat16, kFloat16, kFloat64 };
constexpr auto names_of(Dtype) { return std::array{"float32", "bfloat16", "float16", "float64"}; }

struct LlamaConfig {
  std::string model_type = "llama";  // its architecture (architecture.hpp)
  std::int64_t vocab_size = 0, hidden_size = 0, intermediate_size = 0;
  std::int64_t num_hidden_layers = 0, num_attention_heads = 0, num_key_value_heads = 0, head_dim = 0;
  std::int64_t max_position_embeddings = 8192;
  double rms_norm_eps = 1e-5, rope_theta = 10000.0;
  kernels::RopeScaling rope_scaling;  // factor 1 = none
  bool tie_word_embeddings = false;
  std::int32_t bos_token_id = -1, eos_token_id = -1;  // the first of a list; -1 = not named
  std::vector<std::int32_t> more_eos_token_ids;       // the rest of the list, exported for generation elsewhere
  double initializer_range = 0.02;
  Dtype dtype = Dtype::kFloat32;  // of the files the weights came from; not compared

  std::int64_t query_width() const { return num_attention_heads * head_dim; }
  std::int64_t key_value_width() const { return num_key_value_heads * head_dim; }
  std::int64_t num_parameters() const;

  friend bool operator==(const LlamaConfig&, const LlamaConfig&);
};

// Throws kBadInput naming `source` and the key that is missing, of the wrong type, or unsupported: anything that would
// change results and the decoder does not do (biases, other activations, rope types or architectures, sliding windows).
// Older and newer spellings are read: torch_dtype or dtype, rope_theta and rope_scaling or rope_parameters.
LlamaConfig parse_config(std::string_view json, const std::string& source);
std::string to_json(const LlamaConfig& config, Dtype dtype);
std::string to_json(const LlamaConfig& config);  // with its own dtype

// Named shapes for random weights.
std::vector<std::string> named_sizes();
LlamaConfig named_config(const std::string& size);  // kUsage with the known names

}  // namespace recpo::model
