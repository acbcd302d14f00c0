#pragma once
// `recpo score`: sums of log-probs and token counts of each completion of each line, tokenized as training tokenizes
// them. Collective over the shards of tensor parallelism. Throws kBadInput for an empty prompt without begin token.

#include <span>
#include <string>
#include <vector>

#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/model/tensor_parallel.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::evaluation {

struct ScoredLine {
  std::vector<double> logp;
  std::vector<int> tokens;  // end token included
};

// One result a prompt, in order; completions[i] belong to prompts[i].
template <class T>
std::vector<ScoredLine> score(const model::LlamaConfig& config, model::ParameterStore<T>& store,
                              const text::Tokenizer& tokenizer, std::int32_t end_id,
                              std::span<const std::string> prompts,
                              std::span<const std::vector<std::string>> completions, std::int64_t batch_tokens,
                              const model::TensorParallel& tensor = {});

}  // namespace recpo::evaluation
