#pragma once
// What makes a sequential recommender its own: how a history becomes a state. A state's product with an item's vector
// is the item's score (sequence_model.hpp).

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "src/baselines/item_vocabulary.hpp"
#include "src/baselines/parameters.hpp"

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
struct EncoderKind {
  bool shares_items = false;  // scores come from "items"; otherwise from a table and biases of their own
  std::vector<ParameterSpec> (*parameters)(const ModelShape& shape);
  std::unique_ptr<SequenceEncoder<float>> (*make_float)(const ModelShape& shape, const Parameters<float>& parameters);
  std::unique_ptr<SequenceEncoder<double>> (*make_double)(const ModelShape& shape,
                                                          const Parameters<double>& parameters);
};

ParameterSpec item_table(const ModelShape& shape, const std::string& name);

}  // namespace recpo::baselines
