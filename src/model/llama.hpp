#pragma once
// The Llama decoder over tree batches. Pre-norm blocks:
//   x_mid = x + Wo attention(rope(Wqkv rms_norm(x)));   x_out = x_mid + Wdown swiglu(Wgate_up rms_norm(x_mid)).
// forward() gives one log-probability a completion; backward() takes the loss's gradient with respect to them and never
// learns which objective ran. All activations and workspace come from one arena each, planned from the capacity.
// The object refers to the store it was made with, and to the adapters this carries (lora.hpp): with them only they are
// trained. The store must outlive it. Under tensor parallelism every shard
// makes one and gives it the same batches: collective over the shards, which all get the same log-probs.

#include <memory>
#include <span>
#include <vector>

#include "src/data/tree_batch.hpp"
#include "src/model/bucket_listener.hpp"
#include "src/model/config.hpp"
#include "src/model/decoder_memory.hpp"
#include "src/model/parameter_store.hpp"

namespace recpo::model {

struct LlamaCapacity {
  std::int64_t tokens = 0;        // T: largest micro-batch
  std::int64_t completions = 0;   // C of the largest micro-batch
  std::int64_t longest_tree = 0;  // tokens; 0 = not known: memory for attention grows with what comes
  std::int64_t logit_rows = 512;  // R computed at a time (larger batches go in chunks)
  bool training = false;          // keep what backward() needs
  Recompute recompute = Recompute::kNone;
  LoraOptions lora;  // to plan by; a Llama has those of its store
};

template <class T>
class Llama {
 public:
  // `config` is the whole model's; `store` holds the shard's parameters.
  Llama(const LlamaConfig& config, ParameterStore<T>& store, const LlamaCapacity& capacity,
        const TensorParallel& tensor = {});
  ~Llama();
  Llama(Llama&&) noexcept;

  std::int64_t activation_bytes() const;  // of all that it allocated

  // log-prob of each completion of the batch, [C], summed over its tokens in double in a fixed order; in memory of this
  // object until the next forward. Nobody waits for it.
  Vector<const double> start_forward(const data::TreeBatch& batch, BucketListener* listener = nullptr);
  // d_logp [C]: d loss / d log-prob. Adds to the store's gradients. Follows the forward of the same batch. Nobody
  // waits.
  void start_backward(Vector<const double> d_logp, BucketListener* listener = nullptr);
  // Until all that was started is done: at a step's end at the latest.
  void wait();

  // The same from and to host memory, waited for.
  std::vector<double> forward(const data::TreeBatch& batch, BucketListener* listener = nullptr);
  void backward(std::span<const double> d_logp, BucketListener* listener = nullptr);

  struct Implementation;

 private:
  std::unique_ptr<Implementation> implementation_;
};

// What a Llama of this capacity asks of its decoder.
DecoderCapacity decoder_capacity(const LlamaCapacity& capacity);

}  // namespace recpo::model
