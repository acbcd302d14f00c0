#pragma once
// A sequential recommender: an encoder of histories, and the scores of items asked about,
//   score[s, c] = state[s] . V[item] + b[item]
// with V the table of the histories' items (no b), or a table "output.items" and biases "output.bias" of its own, as
// the encoder's kind says. Local to the calling rank; a call returns when its result is on the host.

#include <memory>
#include <span>
#include <vector>

#include "src/baselines/baseline.hpp"
#include "src/baselines/lookup.hpp"

namespace recpo::baselines {

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
  SequenceModel(const EncoderKind& kind, const ModelShape& shape);

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
std::vector<ParameterSpec> model_parameters(const EncoderKind& kind, const ModelShape& shape);

}  // namespace recpo::baselines
