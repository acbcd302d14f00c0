#include "src/evaluation/tree_scorer.hpp"

#include <algorithm>

#include "src/support/check.hpp"

namespace recpo::evaluation {

void require_in_vocabulary(const model::LlamaConfig& config, std::span<const std::int32_t> tokens) {
  for (const std::int32_t token : tokens)
    if (token < 0 || token >= config.vocab_size)
      throw_input("token {} is not in the model's vocabulary of {}: tokenizer and model do not belong together", token,
                  config.vocab_size);
}

template <class T>
TreeScorer<T>::TreeScorer(const model::LlamaConfig& config, model::ParameterStore<T>& store, std::int64_t batch_tokens,
                          const model::TensorParallel& tensor)
    : config_(config), store_(store), batch_tokens_(batch_tokens), tensor_(tensor) {}

template <class T>
void TreeScorer<T>::reserve(std::int64_t tokens, std::int64_t completions) {
  if (llama_ && capacity_.tokens >= tokens && capacity_.completions >= completions) return;
  capacity_.tokens = std::max(capacity_.tokens, tokens);
  capacity_.completions = std::max(capacity_.completions, completions);
  llama_.reset();  // the old activations go before the new ones come
  llama_ = std::make_unique<model::Llama<T>>(config_, store_, capacity_, tensor_);
}

template <class T>
std::vector<std::vector<double>> TreeScorer<T>::score(std::span<const TokenTree> trees,
                                                      const std::function<void()>& progress) {
  std::vector<std::int64_t> tokens;
  for (const TokenTree& tree : trees) {
    require_in_vocabulary(config_, tree.prompt);
    for (const auto& answer : tree.answers) require_in_vocabulary(config_, answer);
    tokens.push_back(data::tree_tokens(tree.prompt, tree.answers));
  }
  const std::vector<std::size_t> begins = data::pack(tokens, batch_tokens_);
  std::vector<std::vector<double>> scores;
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    data::TreeBatch batch;
    for (std::size_t t = begins[b]; t < begins[b + 1]; ++t) data::append_tree(batch, trees[t].prompt, trees[t].answers);
    if (batch.num_completions() == 0) {  // nothing is asked of these prompts
      scores.resize(begins[b + 1]);
    } else {
      reserve(batch.num_tokens(), batch.num_completions());
      const std::vector<double> logp = llama_->forward(batch);
      for (const data::Tree& tree : batch.trees)
        scores.emplace_back(logp.begin() + tree.completion_begin, logp.begin() + tree.completion_end);
    }
    for (std::size_t t = begins[b]; progress && t < begins[b + 1]; ++t) progress();
  }
  return scores;
}

#define RECPO_INSTANTIATE(T) template class TreeScorer<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::evaluation
