#pragma once
// The end of the decoder: final norm and vocabulary head on the R rows that predict answer tokens only, a chunk of rows
// at a time so that the logits [chunk, V] stay small. With one chunk the logits are kept for the backward pass, with
// more they are computed again. Under tensor parallelism a shard has the logits of its part of the vocabulary;
// log-probs and gradients of x are the whole ones on every shard. Collective over the shards.

#include "src/model/config.hpp"
#include "src/model/device_batch.hpp"
#include "src/model/tensor_parallel.hpp"
#include "src/model/weights.hpp"
#include "src/support/arena.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

template <class T>
class Head {
 public:
  // Largest batches, and logit rows computed at a time.
  struct Capacity {
    std::int64_t logit_rows = 0, targets = 0, completions = 0, chunk_rows = 0;
    bool training = false;
  };
  // `config` is the whole decoder's. Plans its slices in `arena`.
  Head(const LlamaConfig& config, const TensorParallel& tensor, const Capacity& capacity, Arena& arena);

  // Log-prob of every completion, [C], in the arena until the next forward. x [T, H] is the last block's output.
  Vector<const double> forward(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                               Matrix<const T> x);
  // d_x [T, H] is assigned: the gradient of x for d_logp [C]. Adds to gradients of final norm and head, where there are
  // any.
  void backward(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch, Matrix<const T> x,
                Vector<const double> d_logp, Matrix<T> d_x, const LlamaTensors<Accumulate<T>>& gradients);
  // Greedy next token after each logit row, on the host.
  std::vector<int> greedy(const ExecSpace& exec, const LlamaTensors<T>& weights, const DeviceBatch& batch,
                          Matrix<const T> x);

 private:
  struct Chunk {
    std::int64_t begin = 0, end = 0;  // logit rows
    std::int64_t size() const { return end - begin; }
  };
  std::vector<Chunk> chunks(const DeviceBatch& batch) const;
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
      d_gathered_, norm_workspace_, argmax_, largest_;
};

}  // namespace recpo::model
