#pragma once
// What training and generation share: weights, rotary tables, activation memory for up to `max_tokens` tokens, and the
// way through the blocks. The arena is the one allocation for activations and workspace.

#include <memory>

#include "src/model/block.hpp"
#include "src/model/head.hpp"
#include "src/support/arena.hpp"

namespace recpo::model {

struct DecoderCapacity {
  std::int64_t tokens = 0;      // of one pass
  std::int64_t positions = 0;   // longest sequence
  std::int64_t logit_rows = 0;  // of one pass
  std::int64_t targets = 0;
  std::int64_t logit_chunk = 512;
  bool training = false;
};

template <class T>
class Decoder {
 public:
  Decoder(const LlamaConfig& config, ParameterStore<T>& store, const DecoderCapacity& capacity);

  // The last block's output [T, H]. `caches` has one entry a block, or none.
  Matrix<T> forward(const ExecSpace& exec, const DeviceBatch& batch, const std::vector<KeyValueCache<T>>& caches);
  // d_x [T, H]: gradient of that output. Adds to all gradients below the head.
  void backward(const ExecSpace& exec, const DeviceBatch& batch, Matrix<T> d_x);

  Matrix<T> d_x(std::int64_t tokens) const { return arena_.matrix<T>(d_x_, tokens, config_.hidden_size); }
  Head<T>& head() { return *head_; }
  const LlamaConfig& config() const { return config_; }
  const LlamaTensors<T>& weights() const { return weights_; }
  const LlamaTensors<T>& gradients() const { return gradients_; }
  const DecoderCapacity& capacity() const { return capacity_; }
  std::int64_t bytes() const { return arena_.bytes() + attention_workspace_.extent(0) * sizeof(T); }

 private:
  struct BlockSlices {
    Arena::Slice normed, mid, mid_normed, qkv, attended, gate_up, activated, inverse_rms, mid_inverse_rms, lse;
  };
  BlockSlices plan_block();
  BlockActivations<T> activations(std::int64_t block, std::int64_t tokens) const;
  Matrix<T> stream(std::int64_t block, std::int64_t tokens) const;  // input of block; of the last + 1: its output
  BlockContext<T> context(const DeviceBatch& batch);
  void make_rope_tables(const ExecSpace& exec);

  const LlamaConfig config_;
  const DecoderCapacity capacity_;
  LlamaTensors<T> weights_, gradients_;
  Arena arena_;
  std::unique_ptr<Head<T>> head_;
  std::vector<BlockSlices> blocks_;    // one a block in training, one for all otherwise
  std::vector<Arena::Slice> streams_;  // likewise, one more in training
  Arena::Slice d_x_, d_normed_, d_qkv_, d_attended_, d_activated_, norm_workspace_;
  OwnedMatrix<Accumulate<T>> cosine_, sine_;
  OwnedVector<T> attention_workspace_;
};

}  // namespace recpo::model
