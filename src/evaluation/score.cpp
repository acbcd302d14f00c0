#include "src/evaluation/score.hpp"

#include <algorithm>

#include "src/data/tokenize.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::evaluation {

void require_in_vocabulary(const model::LlamaConfig& config, std::span<const std::int32_t> tokens) {
  for (const std::int32_t token : tokens)
    if (token < 0 || token >= config.vocab_size)
      throw_input("token {} is not in the model's vocabulary of {}: is this the model's own tokenizer?", token,
                  config.vocab_size);
}

template <class T>
TreeScorer<T>::TreeScorer(const model::LlamaConfig& config, model::ParameterStore<T>& store, std::int64_t batch_tokens,
                          const model::TensorParallel& tensor)
    : config_(config), store_(store), batch_tokens_(batch_tokens), tensor_(tensor) {}

template <class T>
void TreeScorer<T>::reserve(const model::LlamaCapacity& capacity) {
  if (llama_ && capacity_.tokens >= capacity.tokens && capacity_.completions >= capacity.completions) return;
  const std::int64_t tokens = std::max(capacity_.tokens, capacity.tokens);
  const std::int64_t completions = std::max(capacity_.completions, capacity.completions);
  capacity_ = capacity;
  capacity_.tokens = tokens;
  capacity_.completions = completions;
  llama_.reset();  // the old activations go before the new ones come
  llama_ = std::make_unique<model::Llama<T>>(config_, store_, capacity_, tensor_);
}

template <class T>
std::vector<std::vector<double>> TreeScorer<T>::score(std::span<const TokenTree> trees,
                                                      const std::function<void()>& progress) {
  parallel::SerialCommunicator alone;
  return score(trees, progress, alone);
}

template <class T>
std::vector<std::vector<double>> TreeScorer<T>::score(std::span<const TokenTree> trees,
                                                      const std::function<void()>& progress,
                                                      parallel::Communicator& dp) {
  std::vector<std::int64_t> tokens;
  for (const TokenTree& tree : trees) {
    require_in_vocabulary(config_, tree.prompt);
    for (const auto& answer : tree.answers) require_in_vocabulary(config_, answer);
    tokens.push_back(data::tree_tokens(tree.prompt, tree.answers));
  }
  const std::vector<std::size_t> begins = data::pack(tokens, batch_tokens_);
  const auto ranks = static_cast<std::size_t>(dp.size()), rank = static_cast<std::size_t>(dp.rank());
  model::LlamaCapacity largest;
  for (std::size_t b = rank; b + 1 < begins.size(); b += ranks) {
    std::int64_t pass_tokens = 0, completions = 0;
    for (std::size_t t = begins[b]; t < begins[b + 1]; ++t) {
      pass_tokens += tokens[t];
      completions += static_cast<std::int64_t>(trees[t].answers.size());
    }
    largest.tokens = std::max(largest.tokens, pass_tokens);
    largest.completions = std::max(largest.completions, completions);
  }
  if (largest.completions > 0) reserve(largest);
  std::vector<double> mine;
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    const std::span<const TokenTree> packed = trees.subspan(begins[b], begins[b + 1] - begins[b]);
    if (b % ranks == rank) {
      data::TreeBatch batch;
      for (const TokenTree& tree : packed) data::append_tree(batch, tree.prompt, tree.answers);
      if (batch.num_completions() > 0) {  // otherwise nothing is asked of these prompts
        const std::vector<double> logp = llama_->forward(batch);
        mine.insert(mine.end(), logp.begin(), logp.end());
      }
    }
    for (std::size_t t = 0; progress && t < packed.size(); ++t) progress();
  }

  const std::vector<std::vector<double>> parts = parallel::gather_by_rank(dp, mine);
  std::vector<std::vector<double>> scores;
  std::vector<std::size_t> taken(ranks, 0);
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    const std::size_t owner = b % ranks;
    for (std::size_t t = begins[b]; t < begins[b + 1]; ++t) {
      const auto first = parts[owner].begin() + static_cast<std::ptrdiff_t>(taken[owner]);
      scores.emplace_back(first, first + static_cast<std::ptrdiff_t>(trees[t].answers.size()));
      taken[owner] += trees[t].answers.size();
    }
  }
  return scores;
}

template <class T>
std::vector<ScoredLine> score(const model::LlamaConfig& config, model::ParameterStore<T>& store,
                              const text::Tokenizer& tokenizer, std::int32_t end_id,
                              std::span<const std::string> prompts,
                              std::span<const std::vector<std::string>> completions, std::int64_t batch_tokens,
                              const model::TensorParallel& tensor) {
  RECPO_REQUIRE(prompts.size() == completions.size());
  std::vector<data::TokenizedPrompt> tokenized;
  std::vector<TokenTree> trees;
  for (std::size_t i = 0; i < prompts.size(); ++i)
    tokenized.push_back(data::tokenize(tokenizer, prompts[i], completions[i], end_id));
  for (const data::TokenizedPrompt& line : tokenized)
    trees.push_back({line.prompt, {line.answers.begin(), line.answers.end()}});

  Progress bar("score", static_cast<std::int64_t>(prompts.size()), "lines");
  TreeScorer<T> scorer(config, store, batch_tokens, tensor);
  const std::vector<std::vector<double>> logp = scorer.score(trees, [&] { bar.advance(); });

  std::vector<ScoredLine> result(prompts.size());
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i].logp = logp[i];
    for (const auto& answer : tokenized[i].answers) result[i].tokens.push_back(static_cast<int>(answer.size()));
  }
  return result;
}

RECPO_INSTANTIATE_STORAGE_CLASS(TreeScorer);
RECPO_INSTANTIATE_STORAGE(score);

}  // namespace recpo::evaluation
