#pragma once
// Tiny decoders with adapters for tests: at a general point (B is not zero, as it is when training begins), and keys
// for dropout that follow a tree's tokens into separate sequences.

#include <vector>

#include "tests/model/tiny_model.hpp"

namespace recpo::test {

inline model::LoraOptions adapters_on(std::vector<std::string> targets, double dropout = 0) {
  model::LoraOptions lora;
  lora.rank = 3;
  lora.alpha = 6;
  lora.dropout = dropout;
  lora.targets = std::move(targets);
  return lora;
}
inline model::LoraOptions all_adapters(double dropout = 0) {
  return adapters_on({"q", "k", "v", "o", "gate", "up", "down"}, dropout);
}

// Of every B's element a function of its place in the whole.
template <class T>
void fill_b(const model::ParameterStore<T>& adapters) {
  std::vector<T> weights = host_values(adapters.weights());
  for (const model::Parameter& parameter : adapters.parameters()) {
    if (parameter.name.find(".lora_B.") == std::string::npos) continue;
    for (std::int64_t row = 0; row < parameter.rows(); ++row) {
      Random random(19, parameter.name, static_cast<std::uint64_t>(parameter.row_begin + row));
      for (std::int64_t c = 0; c < parameter.columns(); ++c) {
        const auto place = static_cast<std::size_t>(parameter.offset + row * parameter.columns() + c);
        weights[place] = static_cast<T>(0.15 * random.normal());
      }
    }
  }
  set_values(adapters.weights(), weights);
}

template <class T>
struct AdaptedModel : TinyModel<T> {
  AdaptedModel(const model::LlamaConfig& shape, const model::LoraOptions& lora, TinyOptions options = {})
      : TinyModel<T>(shape, (options.lora = lora, options)) {
    fill_b(this->trained());
  }
};

// Keys as training gives them: one a token of a tree.
inline std::vector<std::int32_t> random_keys(std::size_t tree, std::size_t tokens) {
  Random random(31, "dropout keys", tree);
  std::vector<std::int32_t> keys(tokens);
  for (auto& key : keys) key = static_cast<std::int32_t>(random.next() >> 33);
  return keys;
}

inline std::size_t branch_tokens(const Tokens& answer) { return answer.size() - 1; }

inline data::TreeBatch packed_with_keys(const std::vector<TreeTokens>& trees) {
  data::TreeBatch batch = packed(trees);
  for (std::size_t t = 0; t < trees.size(); ++t) {
    std::size_t tokens = trees[t].prompt.size();
    for (const Tokens& answer : trees[t].answers) tokens += branch_tokens(answer);
    const std::vector<std::int32_t> keys = random_keys(t, tokens);
    batch.dropout_key.insert(batch.dropout_key.end(), keys.begin(), keys.end());
  }
  return batch;
}

// The same keys for the same tokens.
inline data::TreeBatch separate_with_keys(const std::vector<TreeTokens>& trees) {
  data::TreeBatch batch = separate(trees);
  const std::vector<std::int32_t> packed_keys = packed_with_keys(trees).dropout_key;
  auto tree_keys = packed_keys.begin();
  for (const TreeTokens& tree : trees) {
    const auto prompt_end = tree_keys + static_cast<std::ptrdiff_t>(tree.prompt.size());
    auto branch = prompt_end;
    for (const Tokens& answer : tree.answers) {
      const auto branch_end = branch + static_cast<std::ptrdiff_t>(branch_tokens(answer));
      batch.dropout_key.insert(batch.dropout_key.end(), tree_keys, prompt_end);
      batch.dropout_key.insert(batch.dropout_key.end(), branch, branch_end);
      branch = branch_end;
    }
    tree_keys = branch;
  }
  return batch;
}

}  // namespace recpo::test
