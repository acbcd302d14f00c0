#pragma once
// What training and generation share: weights, rotary tables, activation memory and the way through the blocks, of one
// tensor-parallel shard. Collective over the shards.

#include <memory>

#include "src/model/bucket_listener.hpp"
#include "src/model/decoder_memory.hpp"

namespace recpo::model {

template <class T>
class Decoder {
 public:
  // `config` is the whole decoder's, `store` holds this shard. Views of the store, which must outlive the decoder.
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
  const LlamaTensors<T>& weights() const { return weights_; }
  const LlamaTensors<Accumulate<T>>& gradients() const { return gradients_; }
  const DecoderCapacity& capacity() const { return capacity_; }
  std::int64_t bytes() const;  // everything allocated here

 private:
  BlockContext<T> context(const DeviceBatch& batch, const TensorRows<T>& rows);
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
  PlannedVector<Accumulate<T>> attention_workspace_;
};

// What a decoder of this capacity allocates when it is made, without making one; that is all when longest_tree is
// known.
template <class T>
std::int64_t planned_decoder_bytes(const LlamaConfig& config, const TensorParallel& tensor,
                                   const DecoderCapacity& capacity);

}  // namespace recpo::model
