#include "src/evaluation/llama_recommender.hpp"

#include <algorithm>

#include "src/evaluation/score.hpp"
#include "src/model/generate.hpp"

namespace recpo::evaluation {
namespace {
template <class T>
class LlamaRecommender final : public Recommender {
 public:
  LlamaRecommender(const model::LlamaConfig& config, model::ParameterStore<T>& store, const text::Tokenizer& tokenizer,
                   std::int32_t end_id, const EvaluationOptions& options, const model::TensorParallel& tensor)
      : config_(config),
        tokenizer_(tokenizer),
        end_id_(end_id),
        method_(options.method),
        decode_(options.decode),
        generator_(config, store, options.batch_tokens, tensor),
        scorer_(config, store, options.batch_tokens, tensor) {}

  std::vector<Answer> answer(std::span<const data::Row* const> rows, bool with_scores,
                             const std::function<void()>& progress) override {
    for (const data::Row* row : rows) require_in_vocabulary(config_, row->prompt_ids);
    std::vector<Answer> answers(rows.size());
    // Without scores decoding is cheaper: a tree has the tokens of all candidates.
    if (decode_ == Decode::kCandidates || (method_ == Method::kAuto && with_scores)) {
      answer_trees(rows, answers, progress);
    } else {
      generate(rows, answers, with_scores ? std::function<void()>{} : progress);
      if (with_scores) score(rows, answers, progress);
    }
    return answers;
  }

 private:
  void answer_trees(std::span<const data::Row* const> rows, std::vector<Answer>& answers,
                    const std::function<void()>& progress) {
    std::vector<model::TreeRequest> requests;
    for (const data::Row* row : rows) {
      for (const auto& ids : row->answer_ids) require_in_vocabulary(config_, ids);
      requests.push_back({row->prompt_ids, {row->answer_ids.begin(), row->answer_ids.end()}, max_answer_tokens(*row)});
    }
    const auto choices = decode_ == Decode::kFree ? model::Choices::kAll : model::Choices::kCandidates;
    std::vector<model::TreeAnswer> found = generator_.answer(requests, choices, ending(progress));
    for (std::size_t i = 0; i < rows.size(); ++i) {
      answers[i].text = first_line(found[i].generated);
      answers[i].scores = std::move(found[i].logp);
    }
  }

  void generate(std::span<const data::Row* const> rows, std::vector<Answer>& answers,
                const std::function<void()>& progress) {
    std::vector<model::GenerateRequest> requests;
    for (const data::Row* row : rows) requests.push_back({row->prompt_ids, max_answer_tokens(*row)});
    const auto generated = generator_.generate(requests, ending(progress));
    for (std::size_t i = 0; i < rows.size(); ++i) answers[i].text = first_line(generated[i]);
  }

  void score(std::span<const data::Row* const> rows, std::vector<Answer>& answers,
             const std::function<void()>& progress) {
    std::vector<TokenTree> trees;
    for (const data::Row* row : rows)
      trees.push_back({row->prompt_ids, {row->answer_ids.begin(), row->answer_ids.end()}});
    std::vector<std::vector<double>> scores = scorer_.score(trees, progress);
    for (std::size_t i = 0; i < rows.size(); ++i) answers[i].scores = std::move(scores[i]);
  }

  model::Ending ending(const std::function<void()>& progress) const {
    // In UTF-8 a newline's byte is part of no other character, so the newest token's bytes alone tell.
    const auto ends_line = [this](std::size_t, std::span<const std::int32_t> tokens) {
      return text_of(tokens.last(1)).find('\n') != std::string::npos;
    };
    return {end_id_, ends_line, progress};
  }

  std::string first_line(std::span<const std::int32_t> tokens) const {
    const std::string text = text_of(tokens);
    return text.substr(0, text.find('\n'));
  }

  // The end token, and ids that a padded vocabulary has beyond the tokenizer's, are no text.
  std::string text_of(std::span<const std::int32_t> tokens) const {
    std::vector<std::int32_t> known;
    std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(known),
                 [&](std::int32_t id) { return id != end_id_ && id < tokenizer_.vocab_size(); });
    return tokenizer_.decode(known);
  }

  model::LlamaConfig config_;
  text::Tokenizer tokenizer_;
  std::int32_t end_id_;
  Method method_;
  Decode decode_;
  model::Generator<T> generator_;
  TreeScorer<T> scorer_;
};
}  // namespace

std::int64_t max_answer_tokens(const data::Row& row) {
  std::size_t longest = 0;
  for (const auto& answer : row.answer_ids) longest = std::max(longest, answer.size());
  return static_cast<std::int64_t>(longest) + kExtraTokens;
}

template <class T>
std::unique_ptr<Recommender> make_llama_recommender(const model::LlamaConfig& config, model::ParameterStore<T>& store,
                                                    const text::Tokenizer& tokenizer, std::int32_t end_id,
                                                    const EvaluationOptions& options,
                                                    const model::TensorParallel& tensor) {
  return std::make_unique<LlamaRecommender<T>>(config, store, tokenizer, end_id, options, tensor);
}

RECPO_INSTANTIATE_STORAGE(make_llama_recommender);

}  // namespace recpo::evaluation
