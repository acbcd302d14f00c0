#pragma once
// Small random decoders and trees for tests: every feature in use (grouped heads, frequency scaling, tied or not,
// adapters or none).

#include <cmath>
#include <limits>
#include <vector>

#include "src/data/tree_batch.hpp"
#include "src/model/llama.hpp"
#include "src/model/lora.hpp"
#include "src/support/random.hpp"
#include "tests/support/host_values.hpp"

namespace recpo::test {

inline model::LlamaConfig tiny_config(bool tied) {
  model::LlamaConfig config;
  config.vocab_size = 61;
  config.hidden_size = 32;
  config.intermediate_size = 48;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 8;
  config.rope_theta = 500.0;
  config.rope_scaling = {4.0, 1.0, 4.0, 16.0};
  config.tie_word_embeddings = tied;
  config.initializer_range = 0.3;  // far from linear, so that every path matters
  return config;
}

// Longest chain of roundings between two exact evaluations: products of inner size at most max(F, V, T) in each of the
// few dozen operations of a forward and backward pass.
template <class T>
double decoder_bound(const model::LlamaConfig& config) {
  const double inner = static_cast<double>(std::max({config.vocab_size, config.intermediate_size, std::int64_t{512}}));
  const double operations = 2.0 * (10.0 * static_cast<double>(config.num_hidden_layers) + 6.0);
  return std::numeric_limits<T>::epsilon() * std::sqrt(inner) * operations;
}

using Tokens = std::vector<std::int32_t>;

struct TreeTokens {
  Tokens prompt;
  std::vector<Tokens> answers;
};

inline Tokens random_tokens(Random& random, std::size_t n, std::int64_t vocab) {
  Tokens tokens(n);
  for (auto& token : tokens) token = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocab)));
  return tokens;
}

// Prompts of 3 to 12 tokens; answers of 1 to 5 tokens, among them one that is the end token alone.
inline std::vector<TreeTokens> random_trees(std::size_t count, std::size_t answers, std::int64_t vocab) {
  std::vector<TreeTokens> trees;
  for (std::size_t t = 0; t < count; ++t) {
    Random random(7, "trees", t);
    TreeTokens tree;
    tree.prompt = random_tokens(random, 3 + random.below(10), vocab);
    for (std::size_t k = 0; k < answers; ++k) {
      tree.answers.push_back(random_tokens(random, k == 1 ? 1 : 1 + random.below(5), vocab));
    }
    trees.push_back(tree);
  }
  return trees;
}

inline void append(data::TreeBatch& batch, const TreeTokens& tree) {
  const std::vector<std::span<const std::int32_t>> answers(tree.answers.begin(), tree.answers.end());
  data::append_tree(batch, tree.prompt, answers);
}

inline data::TreeBatch packed(const std::vector<TreeTokens>& trees) {
  data::TreeBatch batch;
  for (const TreeTokens& tree : trees) append(batch, tree);
  return batch;
}

// The same answers as plain sequences, each with a prompt of its own.
inline data::TreeBatch separate(const std::vector<TreeTokens>& trees) {
  data::TreeBatch batch;
  for (const TreeTokens& tree : trees) {
    for (const Tokens& answer : tree.answers) append(batch, {tree.prompt, {answer}});
  }
  return batch;
}

// The same shape with four key/value heads, for up to four tensor-parallel shards; 61 tokens do not divide evenly.
inline model::LlamaConfig tiny_wide_config(bool tied) {
  model::LlamaConfig config = tiny_config(tied);
  config.num_attention_heads = 8;
  config.num_key_value_heads = 4;
  config.num_hidden_layers = 3;
  return config;
}

// The elements of one parameter.
template <class T>
Vector<T> part(const Vector<T>& elements, const model::Parameter& parameter) {
  return Vector<T>(elements.data() + parameter.offset, parameter.size());
}

struct TinyOptions {
  std::int64_t logit_rows = 512;
  model::Recompute recompute = model::Recompute::kNone;
  model::TensorParallel tensor;
  model::LoraOptions lora = {};  // none
};

inline TinyOptions logits_of(std::int64_t rows) {
  TinyOptions options;
  options.logit_rows = rows;
  return options;
}

// Adapters beside the store's projections, as training begins (B zero).
template <class T>
model::ParameterStore<T>& with_adapters(model::ParameterStore<T>& store, const model::LlamaConfig& config,
                                        const TinyOptions& options) {
  if (!options.lora.exists()) return store;
  store.attach_adapters(std::make_shared<model::Adapters<T>>(config, options.lora, options.tensor.shard(),
                                                             model::GradientMemory::kWhole));
  model::initialize_adapters<T>(9, *store.adapters());
  return store;
}

template <class T>
struct TinyModel {
  model::LlamaConfig config;
  model::ParameterStore<T> store;
  model::Llama<T> llama;

  explicit TinyModel(bool tied, std::int64_t logit_rows = 512) : TinyModel(tiny_config(tied), logits_of(logit_rows)) {}
  TinyModel(const model::LlamaConfig& shape, const TinyOptions& options = {})
      : config(shape),
        store(model::llama_parameters(config, options.tensor.shard()), !options.lora.exists()),
        llama(config, with_adapters(store, config, options),
              {.tokens = 512,
               .completions = 64,
               .logit_rows = options.logit_rows,
               .training = true,
               .recompute = options.recompute,
               .lora = options.lora},
              options.tensor) {
    model::initialize_weights(config, 3, store);
    // Norm weights away from 1 and biases from 0, so that their gradients are tested at a general point.
    std::vector<T> weights = host_values(store.weights());
    for (const model::Parameter& parameter : store.parameters()) {
      if (parameter.shape.size() > 1) continue;
      Random random(11, parameter.name);
      for (std::int64_t i = 0; i < parameter.column_begin; ++i) random.normal();
      for (std::int64_t i = 0; i < parameter.size(); ++i) {
        weights[static_cast<std::size_t>(parameter.offset + i)] = static_cast<T>(1.0 + 0.2 * random.normal());
      }
    }
    set_values(store.weights(), weights);
  }

  std::vector<double> gradient_values() {
    const std::vector<Accumulate<T>> values = host_values(trained().gradients());
    return std::vector<double>(values.begin(), values.end());
  }

  // The adapters' where there are some.
  model::ParameterStore<T>& trained() { return model::trained_store(store); }

  std::vector<double> gradient(const data::TreeBatch& batch, const std::vector<double>& d_logp) {
    Kokkos::deep_copy(trained().gradients(), Accumulate<T>(0));
    llama.forward(batch);
    llama.backward(d_logp);
    return gradient_values();
  }
};

}  // namespace recpo::test
