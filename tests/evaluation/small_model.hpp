#pragma once
// A random decoder in double with a tokenizer learned from a few titles, small enough to be computed many times over.

#include <string>
#include <vector>

#include "src/model/llama.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::evaluation {

inline const std::vector<std::string>& small_titles() {
  static const std::vector<std::string> titles = {"Toy Story (1995)", "Heat (1995)", "Alien (1979)",
                                                  "Café Müller",      "Heat Wave",   "Aliens (1986)"};
  return titles;
}

struct SmallModel {
  explicit SmallModel(std::uint64_t seed)
      : tokenizer(text::Tokenizer::train(small_titles(), 300)),
        config(small_config(tokenizer.vocab_size())),
        store(model::llama_parameters(config), false) {
    model::initialize_weights(config, seed, store);
  }

  static model::LlamaConfig small_config(int vocabulary) {
    model::LlamaConfig config = model::named_config("tiny");
    config.vocab_size = vocabulary;
    config.tie_word_embeddings = false;
    config.initializer_range = 0.3;  // logits that differ: answers of many tokens, not one repeated
    return config;
  }

  text::Tokenizer tokenizer;
  model::LlamaConfig config;
  model::ParameterStore<double> store;
};

// Bound on the rounding of one log-prob of `tokens` tokens: every layer is a chain of sums over its widths, the head
// one over H and V, each addition relative to numbers of the logits' size.
inline double logp_bound(const model::LlamaConfig& config, double magnitude) {
  const auto chain =
      static_cast<double>(config.num_hidden_layers * (4 * config.hidden_size + 3 * config.intermediate_size) +
                          config.hidden_size + config.vocab_size);
  return chain * 0x1.0p-52 * magnitude;
}

}  // namespace recpo::evaluation
