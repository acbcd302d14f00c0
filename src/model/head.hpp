#pragma once
// LM head: final norm and vocabulary head on the R rows that predict answer tokens only, a chunk of rows
// at a time so that the logits [chunk, V] stay small. With one chunk the logits are kept for the backward pass, with
// more they are computed again. Under tensor parallelism a shard has the logits of its part of the vocabulary;
// log-probs and gradients of x are complete on every shard. Collective over the shards.

#include "src/model/config.hpp"
#include "src/model/device_batch.hpp"
#include "src/model/parameter_store.hpp"
#include "src/model/tensor_parallel.hpp"
#include "src/support/memory_pool.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

// Greedy choice after a logit row: the token of the largest logit (the smallest among equals) and the largest of the
// other logits.
struct Choice {
  double logit = 0, runner_up = 0;
  std::int32_t token = 0;
};

// What a pass over trees says, on the host.
struct TreeOutput {
  std::vector<double> logp;        // [C]
  std::vector<double> token_logp;  // [M]
  std::vector<Choice> choices;     // [R]
};

template <class T>
class Head {
 public:
  // Largest batches, and logit rows computed at a time.
  struct Capacity {
    std::int64_t logit_rows = 0, targets = 0, completions = 0, chunk_rows = 0;
    bool training = false;
  };
  // `config` is the unsharded decoder's. Plans its slices in `arena`.
  Head(const LlamaConfig& config, const TensorParallel& tensor, const Capacity& capacity, Arena& arena);

  // Log-prob of every completion, [C], in the arena until the next forward. x [T, H] is the last block's output.
  Vector<const double> forward(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                               Matrix<const T> x);
  // d_x [T, H] is assigned: the gradient of x for d_logp [C]. Adds to gradients of final norm and head, where there are
  // any.
  void backward(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch, Matrix<const T> x,
                Vector<const double> d_logp, Matrix<T> d_x, const LlamaTensors<Accumulate<T>>& gradients);
  // After each logit row, on the host.
  std::vector<Choice> greedy(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                             Matrix<const T> x);
  // Both, from the same logits.
  TreeOutput forward_and_greedy(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                                Matrix<const T> x);

 private:
  struct Chunk {
    std::int64_t begin = 0, end = 0;  // logit rows
    std::int64_t size() const { return end - begin; }
  };
  std::vector<Chunk> chunks(const DeviceBatch& batch) const;
  Vector<const double> forward(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                               Matrix<const T> x, std::vector<Choice>* choices);
  // From the logits of a chunk, those of this shard's part of the vocabulary. Waits.
  void append_choices(const ExecSpace& exec, const Chunk& chunk, std::vector<Choice>& choices);
  void combine_choices(std::vector<Choice>& choices) const;
  // gathered, normed and logits of a chunk
  void compute_logits(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                      const Chunk& chunk, Matrix<const T> x);
  Matrix<T> rows(const Arena::Slice& slice, const Chunk& chunk) const {
    return arena_.matrix<T>(slice, chunk.size(), config_.hidden_size);
  }
  Matrix<Accumulate<T>> logits(const Chunk& chunk) const {
    return arena_.matrix<Accumulate<T>>(logits_, chunk.size(), config_.vocab_size);
  }
  // The logits' own memory where it is of type T.
  Matrix<T> d_logits(const Chunk& chunk) const { return arena_.matrix<T>(d_logits_, chunk.size(), config_.vocab_size); }
  // The whole vocabulary's lse and log-probs from those of the shards.
  void combine_shards(const ExecSpace& exec, const DeviceBatch& batch, Vector<Accumulate<T>> token_logp);

  const LlamaConfig config_;  // of the shard
  const TensorParallel tensor_;
  const VocabularyShard vocabulary_;
  Arena& arena_;
  std::int64_t chunk_rows_;
  Arena::Slice gathered_, normed_, inverse_rms_, logits_, d_logits_, lse_, shard_lse_, token_logp_, logp_, d_normed_,
      d_gathered_, norm_workspace_, argmax_, largest_, second_;
};

}  // namespace recpo::model
