#pragma once
// Activations and workspace of a decoder: one arena, planned from the capacity, from which passes take their views.
// What every block keeps for the backward pass depends on what is recomputed there; the rest is shared by all blocks:
//   none       everything is kept
//   selective  norms and SwiGLU's product are computed again
//   block      only the block's input is kept; the backward begins with the block's forward
// Planning allocates nothing, so the same code tells a plan its bytes.

#include <memory>
#include <vector>

#include "src/model/architecture.hpp"
#include "src/model/block.hpp"
#include "src/model/head.hpp"
#include "src/model/options.hpp"
#include "src/support/memory_pool.hpp"

namespace recpo::model {

struct DecoderCapacity {
  std::int64_t tokens = 0;        // of one pass
  std::int64_t positions = 0;     // longest sequence
  std::int64_t longest_tree = 0;  // > 0: the scores of attention are allocated at once, for trees up to so long
  std::int64_t logit_rows = 0;    // of one pass
  std::int64_t targets = 0, completions = 0;
  std::int64_t logit_chunk = 512;
  bool training = false;
  Recompute recompute = Recompute::kNone;
  LoraOptions lora;
};

template <class T>
class DecoderMemory {
 public:
  // `config` is the unsharded decoder's.
  DecoderMemory(const LlamaConfig& config, const TensorParallel& tensor, const DecoderCapacity& capacity);
  void allocate() { arena_.allocate(); }
  std::int64_t bytes() const { return arena_.bytes(); }

  SequenceShards<T> rows(std::int64_t tokens) const;
  // Input of a block, and the output of the last one: [Ts, H].
  Matrix<T> stream(std::int64_t block, const SequenceShards<T>& rows) const;
  BlockActivations<T> activations(std::int64_t block, const SequenceShards<T>& rows) const;
  BackwardWorkspace<T> workspace(std::int64_t tokens) const;
  // Of positions 0, 1, ..: [positions, D/2], for the caller to fill (kernels/rope.hpp).
  Matrix<Accumulate<T>> cosine() const { return rope_table(cosine_); }
  Matrix<Accumulate<T>> sine() const { return rope_table(sine_); }
  // Memory of a block's adapters; their views of weights and gradients are the caller's to set.
  BlockLora<T> lora(std::int64_t block, std::int64_t tokens) const;
  Matrix<T> d_x(const SequenceShards<T>& rows) const;    // [Ts, H]
  Matrix<T> d_all(const SequenceShards<T>& rows) const;  // [T, H]: the same memory unless tokens are split
  Head<T>& head() { return *head_; }

 private:
  struct BlockSlices {
    Arena::Slice normed, mid, mid_normed, qkv, qk, attended, gate_up, activated, inverse_rms, mid_inverse_rms,
        head_inverse_rms, lse, lora_u;
  };
  template <class F>
  void for_each_activation(std::int64_t tokens, std::int64_t own, const F& f) const;
  BlockSlices plan_block(const BlockSlices* shared);
  void plan_backward();
  void plan_lora();
  std::int64_t widest_input() const;  // of a projection, on this shard
  Matrix<T> wide(const Arena::Slice& slice, std::int64_t rows, std::int64_t columns) const {
    return arena_.matrix<T>(slice, rows, columns);
  }
  Matrix<Accumulate<T>> rope_table(const Arena::Slice& slice) const {
    return arena_.matrix<Accumulate<T>>(slice, capacity_.positions, config_.head_dim / 2);
  }

  const LlamaConfig config_;  // of the shard
  const BlockParts parts_;
  const TensorParallel tensor_;
  const DecoderCapacity capacity_;
  std::int64_t own_tokens_;  // largest Ts
  Arena arena_;
  std::unique_ptr<Head<T>> head_;
  std::vector<BlockSlices> blocks_;    // one a block in training, one for all otherwise
  std::vector<Arena::Slice> streams_;  // likewise, one more in training
  Arena::Slice cosine_, sine_, gathered_, summed_, d_x_, d_normed_, d_qkv_, d_attended_, d_activated_, row_sums_, d_u_,
      dropped_, d_dropped_;
};

}  // namespace recpo::model
