#pragma once
// Evaluation as PROTOCOL section 4 states it: greedy answers to frozen rows, matched against the candidates' titles.

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/data/rows.hpp"
#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/parallel/communicator.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::evaluation {

struct EvaluationOptions {
  std::vector<std::string> tests = {"main"};  // main | adherence | avoidance | history-length
  std::string split = "test";                 // valid | test
  std::string match = "exact";                // exact | contains
  std::int64_t batch_tokens = 8192;
  bool rank_candidates = false;
  std::int64_t max_eval_rows = 0;             // [data] max_eval_rows: limits each split
};

// What a system says to one question. Large language models answer in text and may give log-likelihoods of the
// candidates; baselines score the candidates and answer with the best one's title.
struct Answer {
  std::string text;
  std::vector<double> scores;  // [candidates] or empty
};

class Recommender {
 public:
  virtual ~Recommender() = default;
  // One answer a row, in order; `progress` is called once a row done. Not collective.
  virtual std::vector<Answer> answer(std::span<const data::Row* const> rows, bool with_scores,
                                     const std::function<void()>& progress) = 0;
};

// Greedy decoding, stopping at the end token or a newline, at most the longest candidate's length + 8 tokens.
template <class T>
std::unique_ptr<Recommender> make_llama_recommender(const model::LlamaConfig& config, model::ParameterStore<T>& store,
                                                    const text::Tokenizer& tokenizer, std::int32_t end_id,
                                                    std::int64_t batch_tokens);

struct Prediction {
  std::int64_t row = 0;
  data::Split split = data::Split::kTest;
  std::string user, answer, chosen;
  bool valid = false, hit = false;
  std::int32_t history_length = 0;
  std::int32_t chosen_rank = 0;  // 1 = best, of the preferred candidate by log-likelihood; 0 = not ranked
};

// Collective over `dp`: rows are dealt to ranks, every rank returns all predictions in row order.
std::vector<Prediction> predict(Recommender& recommender, const data::RowFile& rows, const EvaluationOptions& options,
                                const std::string& title, parallel::Communicator& dp);

// The figures of one model as the JSON object that evaluation.json holds under the model's name.
std::string evaluation_json(const std::vector<Prediction>& predictions, const EvaluationOptions& options,
                            std::uint64_t seed);

// One JSONL line a prediction, as INTERFACE names the fields.
std::string prediction_line(const Prediction& prediction, const std::string& model);

// `recpo score`: sums of log-probs and token counts of each completion of each line. Not collective.
struct ScoredLine {
  std::vector<double> logp;
  std::vector<int> tokens;
};
template <class T>
std::vector<ScoredLine> score(const model::LlamaConfig& config, model::ParameterStore<T>& store,
                              const text::Tokenizer& tokenizer, std::int32_t end_id,
                              std::span<const std::string> prompts,
                              std::span<const std::vector<std::string>> completions, std::int64_t batch_tokens);

}  // namespace recpo::evaluation
