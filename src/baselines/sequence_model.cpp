#include "src/baselines/sequence_model.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/embedding.hpp"
#include "kernels/reductions.hpp"
#include "src/support/check.hpp"

namespace recpo::baselines {

template <class T>
std::vector<ParameterSpec> model_parameters(const EncoderKind<T>& kind, const ModelShape& shape) {
  std::vector<ParameterSpec> specs = kind.parameters(shape);
  if (kind.shares_items) return specs;
  specs.push_back(item_table(shape, "output.items"));
  specs.push_back({"output.bias", shape.items, 1, Fill::kConstant, 0});
  return specs;
}

template <class T>
SequenceModel<T>::SequenceModel(const EncoderKind<T>& kind, const ModelShape& shape)
    : parameters_(model_parameters(kind, shape)), encoder_(kind.make(shape, parameters_)) {
  const char* table = kind.shares_items ? "items" : "output.items";
  table_ = parameters_.weight(table);
  d_table_ = parameters_.gradient(table);
  if (kind.shares_items) return;
  bias_ = parameters_.weight("output.bias");
  d_bias_ = parameters_.gradient("output.bias");
}

template <class T>
std::vector<double> SequenceModel<T>::forward(const ExecSpace& exec, const SequenceBatch& batch) {
  const auto sequences = static_cast<std::int64_t>(batch.histories.size());
  choices_ = batch.choices;
  RECPO_REQUIRE(static_cast<std::int64_t>(batch.items.size()) == sequences * choices_);
  items_.set(batch.items);
  states_ = encoder_->forward(exec, batch.histories);
  const Matrix<T> scores = scores_.get(sequences, choices_);
  kernels::item_scores_forward<T>(exec, items_.numbers(), table_, states_, scores);
  if (has_bias()) {
    const Matrix<T> bias = item_bias_.get(items_.size(), 1);
    items_.forward<T>(exec, bias_, bias);
    kernels::add<T>(exec, as_vector(bias), as_vector(scores));
  }
  exec.fence("recpo::sequence_model::scores");
  const std::vector<T> host = to_host(as_vector(scores));
  return {host.begin(), host.end()};
}

template <class T>
void SequenceModel<T>::backward(const ExecSpace& exec, std::span<const double> d_scores) {
  const std::int64_t sequences = states_.extent(0), hidden = states_.extent(1);
  RECPO_REQUIRE(static_cast<std::int64_t>(d_scores.size()) == sequences * choices_);
  const std::vector<T> host(d_scores.begin(), d_scores.end());
  const Matrix<T> d_score = d_scores_.get(sequences, choices_), d_states = d_states_.get(sequences, hidden),
                  d_rows = d_rows_.get(items_.size(), hidden);
  to_device<T>(host, as_vector(d_score));
  kernels::item_scores_backward<T>(exec, items_.numbers(), table_, states_, d_score, d_states, d_rows);
  items_.backward<T>(exec, d_rows, d_table_);
  if (has_bias()) items_.backward<T>(exec, Matrix<const T>(d_score.data(), d_score.size(), 1), d_bias_);
  encoder_->backward(exec, d_states);
}

ParameterSpec item_table(const ModelShape& shape, const std::string& name) {
  return {name, shape.items, shape.hidden, Fill::kNormal, 1 / std::sqrt(static_cast<double>(shape.hidden))};
}

namespace {
constexpr std::size_t kAtOnce = 256;

// Rows may offer different numbers of candidates: shorter lists are filled up with their first.
SequenceBatch batch_of(std::span<const Sequence> sequences) {
  SequenceBatch batch;
  std::size_t most = 0;
  for (const Sequence& sequence : sequences) most = std::max(most, sequence.candidates.size());
  for (const Sequence& sequence : sequences) {
    batch.histories.histories.emplace_back(sequence.history);
    batch.items.insert(batch.items.end(), sequence.candidates.begin(), sequence.candidates.end());
    batch.items.insert(batch.items.end(), most - sequence.candidates.size(), sequence.candidates.front());
  }
  batch.choices = static_cast<int>(most);
  return batch;
}

class SequenceRecommender final : public evaluation::Recommender {
 public:
  SequenceRecommender(const ItemVocabulary& vocabulary, SequenceModel<float>& model)
      : vocabulary_(vocabulary), model_(model) {}

  std::vector<evaluation::Answer> answer(std::span<const data::Row* const> rows, bool with_scores,
                                         const std::function<void()>& progress) override {
    std::vector<Sequence> sequences;
    for (const data::Row* row : rows) sequences.push_back(vocabulary_.sequence(*row));
    std::vector<std::vector<double>> scores = score_candidates(model_, sequences, kAtOnce);
    std::vector<evaluation::Answer> answers;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      answers.push_back(best_answer(*rows[i], std::move(scores[i]), with_scores));
      progress();
    }
    return answers;
  }

 private:
  const ItemVocabulary& vocabulary_;
  SequenceModel<float>& model_;
};
}  // namespace

std::vector<std::vector<double>> score_candidates(SequenceModel<float>& model, std::span<const Sequence> sequences,
                                                  std::size_t at_once) {
  std::vector<std::vector<double>> all;
  const ExecSpace exec;
  for (std::size_t begin = 0; begin < sequences.size(); begin += at_once) {
    const auto part = sequences.subspan(begin, std::min(at_once, sequences.size() - begin));
    const SequenceBatch batch = batch_of(part);
    const std::vector<double> scores = model.forward(exec, batch);
    for (std::size_t s = 0; s < part.size(); ++s) {
      const auto first = scores.begin() + static_cast<std::ptrdiff_t>(s) * batch.choices;
      all.emplace_back(first, first + static_cast<std::ptrdiff_t>(part[s].candidates.size()));
    }
  }
  return all;
}

std::unique_ptr<evaluation::Recommender> make_recommender(const ItemVocabulary& vocabulary,
                                                          SequenceModel<float>& model) {
  return std::make_unique<SequenceRecommender>(vocabulary, model);
}

RECPO_INSTANTIATE_SUMS(model_parameters);
RECPO_INSTANTIATE_SUMS_CLASS(SequenceModel);

}  // namespace recpo::baselines
