#pragma once
// A language model as recommender: greedy decoding of the row's prompt, stopping at the end token or a newline, at most
// as many tokens as the longest candidate has (end token included) plus kExtraTokens. Scores are the log-probs of the
// candidates' completions. With Method::kAuto both come from one pass (model/generate.hpp), otherwise scores from one
// of their own (score.hpp); the answers are the same.

#include <memory>

#include "src/evaluation/prediction.hpp"
#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/model/tensor_parallel.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::evaluation {

inline constexpr std::int64_t kExtraTokens = 8;

// Tokens that may be generated for a row.
std::int64_t max_answer_tokens(const data::Row& row);

// Keeps copies of config and tokenizer, refers to `store`. Rows must carry tokens. Collective over the shards of tensor
// parallelism, which are asked the same rows and give the same answers.
template <class T>
std::unique_ptr<Recommender> make_llama_recommender(const model::LlamaConfig& config, model::ParameterStore<T>& store,
                                                    const text::Tokenizer& tokenizer, std::int32_t end_id,
                                                    const EvaluationOptions& options,
                                                    const model::TensorParallel& tensor = {});

}  // namespace recpo::evaluation
