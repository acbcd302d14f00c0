#include "src/model/config.hpp"

#include <tuple>

#include "src/support/check.hpp"

namespace recpo::model {
namespace {
auto tied(const kernels::RopeScaling& scaling) {
  return std::tie(scaling.factor, scaling.low_frequency_factor, scaling.high_frequency_factor, scaling.original_length);
}
auto tied(const LlamaConfig& c) {
  return std::tie(c.vocab_size, c.hidden_size, c.intermediate_size, c.num_hidden_layers, c.num_attention_heads,
                  c.num_key_value_heads, c.head_dim, c.max_position_embeddings, c.rms_norm_eps, c.rope_theta,
                  c.tie_word_embeddings, c.bos_token_id, c.eos_token_id, c.more_eos_token_ids, c.initializer_range);
}

}  // namespace

std::int64_t LlamaConfig::num_parameters() const {
  const std::int64_t attention = 2 * hidden_size * (query_width() + key_value_width());
  const std::int64_t layer = attention + 3 * hidden_size * intermediate_size + 2 * hidden_size;
  return num_hidden_layers * layer + hidden_size + (tie_word_embeddings ? 1 : 2) * vocab_size * hidden_size;
}

bool operator==(const LlamaConfig& a, const LlamaConfig& b) {
  return tied(a) == tied(b) && tied(a.rope_scaling) == tied(b.rope_scaling);
}

LlamaConfig named_config(const std::string& size) {
  LlamaConfig config;
  const auto shape = [&](std::int64_t vocabulary, std::int64_t hidden, std::int64_t ffn, std::int64_t layers,
                         std::int64_t heads, std::int64_t key_value_heads) {
    config.vocab_size = vocabulary, config.hidden_size = hidden, config.intermediate_size = ffn;
    config.num_hidden_layers = layers, config.num_attention_heads = heads;
    config.num_key_value_heads = key_value_heads, config.head_dim = hidden / heads;
  };
  const auto llama3 = [&](double factor) {
    config.max_position_embeddings = 131072, config.rope_theta = 500000.0;
    config.rope_scaling = {factor, 1.0, 4.0, 8192.0};
    config.bos_token_id = 128000, config.eos_token_id = 128001;
  };
  if (size == "tiny") {
    shape(512, 64, 176, 2, 4, 2);
    config.tie_word_embeddings = true;
  } else if (size == "smollm2-135m") {
    shape(49152, 576, 1536, 30, 9, 3);
    config.rope_theta = 100000.0, config.tie_word_embeddings = true;
    config.bos_token_id = 1, config.eos_token_id = 2;
  } else if (size == "llama-3.2-1b") {
    shape(128256, 2048, 8192, 16, 32, 8);
    llama3(32.0), config.tie_word_embeddings = true;
  } else if (size == "llama-3.1-8b") {
    shape(128256, 4096, 14336, 32, 32, 8);
    llama3(8.0);
  } else {
    throw_usage("model.size {} is not known; known: tiny, smollm2-135m, llama-3.2-1b, llama-3.1-8b", size);
  }
  return config;
}

}  // namespace recpo::model
