#pragma once
// One decoder block, forward and backward, as a sequence of kernels:
//   normed = rms_norm(x);  q|k|v = rope(normed Wqkv^T);  mid = x + attention(q, k, v) Wo^T
//   (with biases of q|k|v, and norms of the heads of q and k before the rotation, where the architecture has them)
//   mid_normed = rms_norm(mid);  out = mid + swiglu(mid_normed Wgate_up^T) Wdown^T
// Under tensor parallelism the block holds its shard's heads and feed-forward columns; `config` is the shard's. The two
// sums over shards stand after Wo and Wdown, their mirror images in the backward before the two norms. When tokens are
// split (TensorParallel::sequence), everything of width H belongs to this shard's tokens only, [Ts, H], and projections
// work on gathered rows. Collective over the shards. All memory is the caller's. Every projection may have an
// adapter (adapter.hpp).

#include "kernels/attention.hpp"
#include "src/model/config.hpp"
#include "src/model/device_batch.hpp"
#include "src/model/lora.hpp"
#include "src/model/parameter_store.hpp"
#include "src/model/tensor_parallel.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

inline kernels::AttentionShape attention_shape(const LlamaConfig& config) {
  return {static_cast<int>(config.num_attention_heads), static_cast<int>(config.num_key_value_heads),
          static_cast<int>(config.head_dim)};
}

template <class T>
struct RopeTables {
  Matrix<const Accumulate<T>> cosine, sine;  // [positions, D / 2]
};

// What a block computes on the way; kept for the backward pass in training, shared by all blocks otherwise.
template <class T>
struct BlockActivations {
  Matrix<T> x;                                         // [Ts, H] input; Ts = T unless tokens are split
  Matrix<T> normed, mid, mid_normed;                   // [Ts, H]
  Matrix<T> qkv;                                       // [T, (N + 2G) D] after the rotation
  Matrix<T> qk;                                        // [T, (N + G) D] before the norms of heads, where there are some
  Matrix<T> attended;                                  // [T, N D]
  Matrix<T> gate_up;                                   // [T, 2F]; its gradient afterwards
  Matrix<T> activated;                                 // [T, F]
  Vector<Accumulate<T>> inverse_rms, mid_inverse_rms;  // [Ts]
  Matrix<Accumulate<T>> head_inverse_rms;              // [T, N + G], likewise
  Matrix<Accumulate<T>> lse;                           // [T, N]
};

// Keys and values of earlier passes (generation). Without a cache (training) both are empty.
template <class T>
struct KeyValueCache {
  Matrix<T> key, value;  // [cache rows, G D]
  bool exists() const { return key.extent(0) > 0; }
};

template <class T>
struct BackwardWorkspace {
  Matrix<T> d_normed;     // [T, H]; SequenceShards' memory when tokens are split
  Matrix<T> d_qkv;        // [T, (N + 2G) D]
  Matrix<T> d_attended;   // [T, N D]
  Matrix<T> d_activated;  // [T, F]
  Vector<Accumulate<T>> row_sums;
};

template <class T>
struct BlockContext {  // what all blocks of a pass share
  const LlamaConfig& config;
  const SequenceShards<T>& rows;
  const DeviceBatch& batch;
  RopeTables<T> rope;
  Vector<Accumulate<T>> attention_workspace;
};

// Collectives of tensors [T, H] over the tensor-parallel shards: sums of partial results, and gathers of rows before a
// projection, which do nothing unless tokens are split. A plan counts by these numbers what block.cpp does.
struct BlockCollectives {
  std::int64_t sums = 0, gathers = 0;
};
inline constexpr BlockCollectives kForwardCollectives{2, 2};
inline constexpr BlockCollectives kForwardAgainCollectives{1, 2};  // without `out`
inline constexpr BlockCollectives kBackwardCollectives{2, 4};

// out [Ts, H] is assigned; it may be the same memory as activations.x when no backward follows. Without `out` (empty)
// the block ends with `activated`: all that its backward needs.
template <class T>
void block_forward(const ExecSpace& exec, const BlockContext<T>& context, const BlockTensors<T>& weights,
                   const BlockLora<T>& lora, const KeyValueCache<T>& cache, const BlockActivations<T>& activations,
                   Matrix<T> out);

// Norms and SwiGLU again, from the other activations.
template <class T>
void block_recompute_elementwise(const ExecSpace& exec, const BlockContext<T>& context, const BlockTensors<T>& weights,
                                 const BlockActivations<T>& activations);

// d_x [Ts, H]: gradient of the block's output in, of its input out. Gradients of weights are added to; those of norms
// are this shard's tokens' part when tokens are split. Frozen weights have no gradients (empty views).
template <class T>
void block_backward(const ExecSpace& exec, const BlockContext<T>& context, const BlockTensors<T>& weights,
                    const BlockLora<T>& lora, const BlockActivations<T>& activations,
                    const BackwardWorkspace<T>& workspace, Matrix<T> d_x, const BlockTensors<Accumulate<T>>& gradients);

}  // namespace recpo::model
