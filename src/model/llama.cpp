#include "src/model/llama.hpp"

#include "src/model/decoder.hpp"

namespace recpo::model {

template <class T>
struct Llama<T>::Implementation {
  LlamaBuckets buckets;
  Decoder<T> decoder;
  BatchUploader uploader;
  ExecSpace exec;

  // Of the last forward, for the backward.
  data::TreeBatch batch;
  DeviceBatch on_device;
  Matrix<T> output;
};

DecoderCapacity decoder_capacity(const LlamaCapacity& capacity) {
  DecoderCapacity plan;
  plan.tokens = plan.positions = plan.logit_rows = capacity.tokens;
  // Every row of a branch predicts one target, the prompt's last row one for each answer.
  plan.targets = capacity.tokens + capacity.completions;
  plan.longest_tree = capacity.longest_tree;
  plan.logit_chunk = capacity.logit_rows;
  plan.training = capacity.training;
  plan.recompute = capacity.recompute;
  plan.lora = capacity.lora;
  return plan;
}

template <class T>
Llama<T>::Llama(const LlamaConfig& config, ParameterStore<T>& store, const LlamaCapacity& capacity,
                const TensorParallel& tensor)
    : implementation_(new Implementation{LlamaBuckets(config, store.adapters() != nullptr),
                                         {config, store, decoder_capacity(capacity), tensor},
                                         {},
                                         {},
                                         {},
                                         {},
                                         {}}) {}

template <class T>
Llama<T>::~Llama() = default;
template <class T>
Llama<T>::Llama(Llama&&) noexcept = default;

template <class T>
std::int64_t Llama<T>::activation_bytes() const {
  return implementation_->decoder.bytes();
}

template <class T>
std::vector<double> Llama<T>::forward(const data::TreeBatch& batch, BucketListener* listener) {
  Implementation& self = *implementation_;
  self.batch = batch;
  self.on_device = self.uploader.upload(self.exec, batch, self.decoder.capacity().training);
  self.output = self.decoder.forward(self.exec, self.on_device, {}, listener);
  const std::vector<double> token_logp =
      self.decoder.head().forward(self.exec, self.decoder.weights(), self.on_device, batch.target_begin, self.output);
  std::vector<double> logp(static_cast<std::size_t>(batch.num_completions()), 0.0);
  for (std::size_t m = 0; m < token_logp.size(); ++m) {
    logp[static_cast<std::size_t>(batch.target_completion[m])] += token_logp[m];
  }
  return logp;
}

template <class T>
void Llama<T>::backward(std::span<const double> d_logp, BucketListener* listener) {
  Implementation& self = *implementation_;
  RECPO_REQUIRE(d_logp.size() == static_cast<std::size_t>(self.batch.num_completions()));
  std::vector<double> d_token_logp(self.batch.target_token.size());
  for (std::size_t m = 0; m < d_token_logp.size(); ++m) {
    d_token_logp[m] = d_logp[static_cast<std::size_t>(self.batch.target_completion[m])];
  }
  const LlamaBuckets& buckets = self.buckets;
  const bool adapters = buckets.embedding == LlamaBuckets::kNone, tied = buckets.head == buckets.embedding;
  if (listener != nullptr && !adapters) {
    listener->before_backward(buckets.embedding);
    listener->before_backward(buckets.norms);
    if (!tied) listener->before_backward(buckets.head);
  }
  self.decoder.head().backward(self.exec, self.decoder.weights(), self.on_device, self.batch.target_begin, self.output,
                               d_token_logp, self.decoder.d_all(self.batch.num_tokens()), self.decoder.gradients());
  if (listener != nullptr && !tied) listener->after_backward(buckets.head);
  self.decoder.backward(self.exec, self.on_device, listener);
  if (listener != nullptr && !adapters) {
    listener->after_backward(buckets.norms);
    listener->after_backward(buckets.embedding);
  }
  self.exec.fence("recpo::llama::backward");
}

#define RECPO_INSTANTIATE(T) template class Llama<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
