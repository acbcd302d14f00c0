#include "src/model/tensor_parallel.hpp"

#include <algorithm>

#include "src/support/check.hpp"

namespace recpo::model {

void check_tensor_parallel(const LlamaConfig& config, int tp) {
  struct Cut {
    std::int64_t size;
    const char* what;
  };
  const Cut cuts[] = {{config.num_key_value_heads, "key/value heads"},
                      {config.num_attention_heads, "attention heads"},
                      {config.intermediate_size, "feed-forward columns (intermediate_size)"},
                      {config.hidden_size, "hidden columns (hidden_size)"}};
  for (const Cut& cut : cuts) {
    if (tp >= 1 && cut.size % tp == 0) continue;
    throw_usage("parallel.tp = {} does not divide the model's {} {}: use a divisor of {}", tp, cut.size, cut.what,
                cut.size);
  }
  if (vocabulary_shard(config, {tp - 1, tp}).count < 1) {
    throw_usage("parallel.tp = {} leaves a rank without a token of the vocabulary of {}: use a smaller tp", tp,
                config.vocab_size);
  }
}

LlamaConfig shard_config(const LlamaConfig& config, int tp) {
  LlamaConfig shard = config;
  shard.num_attention_heads /= tp;
  shard.num_key_value_heads /= tp;
  shard.intermediate_size /= tp;
  shard.vocab_size = (config.vocab_size + tp - 1) / tp;
  return shard;
}

VocabularyShard vocabulary_shard(const LlamaConfig& config, const Shard& shard) {
  const std::int64_t rows = shard_config(config, shard.size).vocab_size, first = rows * shard.rank;
  const std::int64_t count = std::clamp<std::int64_t>(config.vocab_size - first, 0, rows);
  return {static_cast<int>(first), static_cast<int>(count)};
}

}  // namespace recpo::model
