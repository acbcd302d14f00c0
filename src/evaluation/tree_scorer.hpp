#pragma once
// Log-probs of many completions of one prompt, for many prompts: every prompt is computed once, as the trunk of a token
// tree whose branches are its completions, and trees are packed into passes of at most batch_tokens tokens (a longer
// tree goes alone). A completion's score is the sum of its tokens' log-probs, end token included, so a longer title is
// not favoured or punished beyond its likelihood. Collective over the shards of tensor parallelism.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "src/model/llama.hpp"

namespace recpo::evaluation {

struct TokenTree {
  std::span<const std::int32_t> prompt;
  std::vector<std::span<const std::int32_t>> answers;
};

template <class T>
class TreeScorer {
 public:
  // `store` must outlive the scorer. Activations are allocated with the first call and grow when a tree needs more.
  TreeScorer(const model::LlamaConfig& config, model::ParameterStore<T>& store, std::int64_t batch_tokens,
             const model::TensorParallel& tensor = {});

  // [trees][answers of the tree]; `progress` (may be empty) is called once a tree. Throws kBadInput for a token that
  // the model's vocabulary does not have.
  std::vector<std::vector<double>> score(std::span<const TokenTree> trees, const std::function<void()>& progress);

 private:
  void reserve(std::int64_t tokens, std::int64_t completions);

  model::LlamaConfig config_;
  model::ParameterStore<T>& store_;
  std::int64_t batch_tokens_;
  model::TensorParallel tensor_;
  model::LlamaCapacity capacity_;
  std::unique_ptr<model::Llama<T>> llama_;
};

// Throws kBadInput when a token is outside the vocabulary: its embedding would be read past the table's end.
void require_in_vocabulary(const model::LlamaConfig& config, std::span<const std::int32_t> tokens);

}  // namespace recpo::evaluation
