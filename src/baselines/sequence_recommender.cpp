#include "src/baselines/sequence_recommender.hpp"

#include <algorithm>

namespace recpo::baselines {
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

}  // namespace recpo::baselines
