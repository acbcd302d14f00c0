#pragma once
// The Llama decoder over tree batches. Pre-norm blocks:
//   x_mid = x + Wo attention(rope(Wqkv rms_norm(x)));   x_out = x_mid + Wdown swiglu(Wgate_up rms_norm(x_mid)).
// forward() gives one log-probability a completion; backward() takes the loss's gradient with respect to them and never
// learns which objective ran. All activations and workspace come from one arena each, planned from the capacity.
// The object refers to the store it was made with; the store must outlive it. Not collective.

#include <memory>
#include <span>
#include <vector>

#include "src/data/tree_batch.hpp"
#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"

namespace recpo::model {

struct LlamaCapacity {
  std::int64_t tokens = 0;        // T: largest micro-batch
  std::int64_t completions = 0;   // C of the largest micro-batch
  std::int64_t logit_rows = 512;  // R computed at a time (larger batches go in chunks)
  bool training = false;          // keep every layer's activations for backward()
};

template <class T>
class Llama {
 public:
  Llama(const LlamaConfig& config, ParameterStore<T>& store, const LlamaCapacity& capacity);
  ~Llama();
  Llama(Llama&&) noexcept;

  const LlamaConfig& config() const;
  std::int64_t activation_bytes() const;  // of the arena(s) it allocated

  // log-prob of each completion of the batch, [C], summed over its tokens in double in a fixed order.
  std::vector<double> forward(const data::TreeBatch& batch);
  // d_logp [C]: d loss / d log-prob. Adds to the store's gradients. Follows the forward of the same batch.
  void backward(std::span<const double> d_logp);

  struct Implementation;

 private:
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace recpo::model
