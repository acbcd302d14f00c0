#pragma once
// A sequential recommender: an encoder of histories to states, and the scores of items,
//   score[s, c] = state[s] . V[item] + b[item]
// with V the table of the histories' items (no b), or a table "output.items" and biases "output.bias" of its own, as
// the encoder's kind says. Local to the calling rank; a call returns when its result is on the host.

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "src/baselines/baseline.hpp"
#include "src/baselines/examples.hpp"
#include "src/baselines/layers.hpp"

namespace recpo::baselines {

struct ModelShape {
  std::int64_t items = 0, hidden = 64;
  std::int64_t length = 1;  // longest history
  std::int64_t blocks = 1;  // of sasrec
};

// Histories of B sequences, item numbers, oldest first; none is empty.
struct HistoryBatch {
  std::vector<std::span<const int>> histories;
  double dropout = 0;                  // share of activations dropped; 0 when answering
  std::vector<std::vector<int>> keys;  // of the dropout masks, one a history item; not needed without dropout

  std::size_t size() const { return histories.size(); }
  int key(std::size_t sequence, std::size_t place) const { return keys.empty() ? 0 : keys[sequence][place]; }
  std::size_t longest() const {
    std::size_t longest = 0;
    for (const auto& history : histories) longest = std::max(longest, history.size());
    return longest;
  }
};

template <class T>
class SequenceEncoder {
 public:
  virtual ~SequenceEncoder() = default;
  // [B, hidden], valid until the next call. Histories are at most ModelShape::length long.
  virtual Matrix<const T> forward(const ExecSpace& exec, const HistoryBatch& batch) = 0;
  // Of the last forward; adds to the parameters' gradients.
  virtual void backward(const ExecSpace& exec, Matrix<const T> d_states) = 0;
};

// "items", the table of the histories' items [V, H], is every encoder's first parameter.
template <class T>
struct EncoderKind {
  bool shares_items = false;  // scores come from "items"; otherwise from a table and biases of their own
  std::vector<ParameterSpec> (*parameters)(const ModelShape& shape);
  std::unique_ptr<SequenceEncoder<T>> (*make)(const ModelShape& shape, const Parameters<T>& parameters);
};

// EncoderKind::make of an encoder class.
template <class Encoder, class T>
std::unique_ptr<SequenceEncoder<T>> make_encoder(const ModelShape& shape, const Parameters<T>& parameters) {
  return std::make_unique<Encoder>(shape, parameters);
}

// Vectors of unit length on average, so that a score of a normalized state begins of order one.
ParameterSpec item_table(const ModelShape& shape, const std::string& name);

// Histories, and for each the same number of items to score: items [B, choices].
struct SequenceBatch {
  HistoryBatch histories;
  std::vector<int> items;
  int choices = 0;
};

template <class T>
class SequenceModel {
 public:
  // Weights are zero until initialized or set.
  SequenceModel(const EncoderKind<T>& kind, const ModelShape& shape);

  Parameters<T>& parameters() { return parameters_; }
  const Parameters<T>& parameters() const { return parameters_; }

  // [B, choices]
  std::vector<double> forward(const ExecSpace& exec, const SequenceBatch& batch);
  // Of the last forward; adds to the parameters' gradients.
  void backward(const ExecSpace& exec, std::span<const double> d_scores);

 private:
  bool has_bias() const { return bias_.size() > 0; }

  Parameters<T> parameters_;
  std::unique_ptr<SequenceEncoder<T>> encoder_;
  Matrix<T> table_, d_table_, bias_, d_bias_;  // bias [V, 1]
  Lookup items_;
  int choices_ = 0;
  Matrix<const T> states_;
  Buffer<T> scores_, item_bias_, d_scores_, d_states_, d_rows_;
};

// The parameters of a model of this kind, those of the scores included.
template <class T>
std::vector<ParameterSpec> model_parameters(const EncoderKind<T>& kind, const ModelShape& shape);

// Scores of each sequence's candidates, computed for so many sequences at a time.
std::vector<std::vector<double>> score_candidates(SequenceModel<float>& model, std::span<const Sequence> sequences,
                                                  std::size_t at_once);

// A trained model as recommender: it answers with the best candidate's title. Refers to vocabulary and model.
std::unique_ptr<evaluation::Recommender> make_recommender(const ItemVocabulary& vocabulary,
                                                          SequenceModel<float>& model);

}  // namespace recpo::baselines
