#pragma once
// Log-probs of completions by a language model. Collective over the shards of tensor parallelism, and where trees are
// shared over data-parallel ranks.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/model/llama.hpp"
#include "src/parallel/communicator.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::evaluation {

struct TokenTree {
  std::span<const std::int32_t> prompt;
  std::vector<std::span<const std::int32_t>> answers;
};

// Many completions of one prompt, for many prompts: every prompt is computed once, as the trunk of a token tree whose
// branches are its completions, and trees are packed into passes of at most batch_tokens tokens (a longer tree goes
// alone). A completion's score is the sum of its tokens' log-probs, end token included, so that a longer title is
// favoured or punished by its likelihood alone.
template <class T>
class TreeScorer {
 public:
  // `store` must outlive the scorer. Activations are allocated with the first call and grow when a tree needs more.
  TreeScorer(const model::LlamaConfig& config, model::ParameterStore<T>& store, std::int64_t batch_tokens,
             const model::TensorParallel& tensor = {});

  // Activations for passes of this size, where they are planned.
  void reserve(const model::LlamaCapacity& capacity);
  std::int64_t activation_bytes() const { return llama_ ? llama_->activation_bytes() : 0; }

  // [trees][answers of the tree]; `progress` (may be empty) is called once a tree. Throws kBadInput for a token that
  // the model's vocabulary does not have.
  std::vector<std::vector<double>> score(std::span<const TokenTree> trees, const std::function<void()>& progress);
  // The same on every rank of `dp`, each of which computes a part. Passes are packed once for all ranks and then dealt
  // out: a tree's log-probs have the same bits for any number of ranks. Collective over `dp`.
  std::vector<std::vector<double>> score(std::span<const TokenTree> trees, const std::function<void()>& progress,
                                         parallel::Communicator& dp);

 private:
  model::LlamaConfig config_;
  model::ParameterStore<T>& store_;
  std::int64_t batch_tokens_;
  model::TensorParallel tensor_;
  model::LlamaCapacity capacity_;
  std::unique_ptr<model::Llama<T>> llama_;
};

// Throws kBadInput when a token is outside the vocabulary: its embedding would be read past the table's end.
void require_in_vocabulary(const model::LlamaConfig& config, std::span<const std::int32_t> tokens);

struct ScoredLine {
  std::vector<double> logp;
  std::vector<int> tokens;  // end token included
};

// `recpo score`: one result a prompt, in order; completions[i] belong to prompts[i]. Tokenized as training tokenizes.
// Throws kBadInput for an empty prompt without begin token.
template <class T>
std::vector<ScoredLine> score(const model::LlamaConfig& config, model::ParameterStore<T>& store,
                              const text::Tokenizer& tokenizer, std::int32_t end_id,
                              std::span<const std::string> prompts,
                              std::span<const std::vector<std::string>> completions, std::int64_t batch_tokens,
                              const model::TensorParallel& tensor = {});

}  // namespace recpo::evaluation
