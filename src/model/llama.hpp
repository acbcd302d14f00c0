#pragma once
// The Llama decoder over tree batches. Pre-norm blocks:
//   x_mid = x + Wo attention(rope(Wqkv rms_norm(x)));   x_out = x_mid + Wdown swiglu(Wgate_up rms_norm(x_mid)).
// forward() gives one log-probability a completion; backward() takes the loss's gradient with respect to them and does
// not depend on the objective. Activations and workspace are one arena, planned from the capacity. The store, and the
// adapters it carries (lora.hpp; with them only they are trained), must outlive the object. Under tensor parallelism
// every shard makes one and gives it the same batches: collective over the shards, which all get the same log-probs.

#include <span>
#include <vector>

#include "src/data/tree_batch.hpp"
#include "src/model/config.hpp"
#include "src/model/decoder_memory.hpp"
#include "src/model/parameter_store.hpp"

namespace recpo::model {

// The decoder's blocks for training and generation: weights, rotary tables, activation memory, forward and backward, of
// one tensor-parallel shard. Collective over the shards.
template <class T>
class Decoder {
 public:
  // `config` is the unsharded decoder's, `store` holds this shard. Views of the store, which must outlive the decoder.
  Decoder(const LlamaConfig& config, ParameterStore<T>& store, const DecoderCapacity& capacity,
          const TensorParallel& tensor);

  // The last block's output [T, H], on every shard. `caches` has one entry a block, or none. `listener` may be null.
  Matrix<T> forward(const ExecSpace& exec, const DeviceBatch& batch, const std::vector<KeyValueCache<T>>& caches,
                    BucketListener* listener);
  // d_all [T, H], the memory of d_all(): gradient of that output, the same on every shard. Adds to all gradients below
  // the head.
  void backward(const ExecSpace& exec, const DeviceBatch& batch, BucketListener* listener);
  Matrix<T> d_all(std::int64_t tokens) const { return memory_.d_all(memory_.rows(tokens)); }

  Head<T>& head() { return memory_.head(); }
  const LlamaConfig& config() const { return config_; }  // of the shard
  const LlamaBuckets& buckets() const { return buckets_; }
  const LlamaTensors<T>& weights() const { return weights_; }
  const LlamaTensors<Accumulate<T>>& gradients() const { return gradients_; }
  const DecoderCapacity& capacity() const { return capacity_; }
  std::int64_t bytes() const { return memory_.bytes() + attention_workspace_.bytes(); }  // all it allocated

 private:
  BlockContext<T> context(const DeviceBatch& batch, const SequenceShards<T>& rows);
  BlockLora<T> lora(std::int64_t block, const DeviceBatch& batch) const;
  void make_rope_tables(const ExecSpace& exec);
  void reserve_attention(std::int64_t elements);

  const LlamaConfig config_;
  const DecoderCapacity capacity_;
  const LlamaBuckets buckets_;
  const VocabularyShard vocabulary_;
  const int tensor_rank_;
  LlamaTensors<T> weights_;
  LlamaTensors<Accumulate<T>> gradients_;  // empty views where weights are frozen
  std::vector<BlockAdapters<T>> adapters_;
  std::vector<BlockAdapters<Accumulate<T>>> adapter_gradients_;
  DecoderMemory<T> memory_;
  PoolVector<Accumulate<T>> attention_workspace_;
};

// The collectives of a forward and a backward pass, the head's own (head.hpp) not counted.
BlockCollectives decoder_collectives(const LlamaConfig& config, Recompute recompute);

// What a decoder of this capacity allocates when it is made, without making one; that is all when longest_tree is
// known.
template <class T>
std::int64_t planned_decoder_bytes(const LlamaConfig& config, const TensorParallel& tensor,
                                   const DecoderCapacity& capacity);

struct LlamaCapacity {
  std::int64_t tokens = 0;        // T: largest micro-batch
  std::int64_t completions = 0;   // C of the largest micro-batch
  std::int64_t longest_tree = 0;  // tokens; 0 = not known: memory for attention grows with what comes
  std::int64_t logit_rows = 512;  // R computed at a time (larger batches go in chunks)
  bool training = false;          // keep what backward() needs
  Recompute recompute = Recompute::kNone;
  LoraOptions lora;  // to plan by; a Llama has those of its store
};

// What a Llama of this capacity asks of its decoder.
DecoderCapacity decoder_capacity(const LlamaCapacity& capacity);

template <class T>
class Llama {
 public:
  // `config` is the unsharded model's; `store` holds the shard's parameters.
  Llama(const LlamaConfig& config, ParameterStore<T>& store, const LlamaCapacity& capacity,
        const TensorParallel& tensor = {})
      : decoder_(config, store, decoder_capacity(capacity), tensor) {}

  std::int64_t activation_bytes() const { return decoder_.bytes(); }

  // log-prob of each completion of the batch, [C], summed over its tokens in double in a fixed order; in memory of this
  // object until the next forward. Asynchronous; no fence.
  Vector<const double> start_forward(const data::TreeBatch& batch, BucketListener* listener = nullptr);
  // d_logp [C]: d loss / d log-prob. Adds to the store's gradients. Follows the forward of the same batch.
  // Asynchronous; no fence.
  void start_backward(Vector<const double> d_logp, BucketListener* listener = nullptr);
  // Until all that was started is done: at a step's end at the latest.
  void wait();

  // The same from and to host memory, waited for.
  std::vector<double> forward(const data::TreeBatch& batch, BucketListener* listener = nullptr);
  void backward(std::span<const double> d_logp, BucketListener* listener = nullptr);

 private:
  Decoder<T> decoder_;
  BatchUploader uploader_;
  ExecSpace exec_;
  DeviceBatch batch_;  // of the last forward, for the backward
  Matrix<T> output_;
  OwnedVector<double> d_logp_;  // where they come from the host
};

}  // namespace recpo::model
