#include "src/evaluation/score.hpp"

#include "src/data/tokenize.hpp"
#include "src/evaluation/tree_scorer.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::evaluation {

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

#define RECPO_INSTANTIATE(T)                                                                                    \
  template std::vector<ScoredLine> score<T>(const model::LlamaConfig&, model::ParameterStore<T>&,               \
                                            const text::Tokenizer&, std::int32_t, std::span<const std::string>, \
                                            std::span<const std::vector<std::string>>, std::int64_t,            \
                                            const model::TensorParallel&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::evaluation
