#include "src/model/llama.hpp"

#include "src/model/decoder.hpp"

namespace recpo::model {

template <class T>
struct Llama<T>::Implementation {
  Implementation(const LlamaConfig& config, ParameterStore<T>& store, const LlamaCapacity& capacity,
                 const TensorParallel& tensor)
      : buckets(config, store.adapters() != nullptr), decoder(config, store, decoder_capacity(capacity), tensor) {}

  LlamaBuckets buckets;
  Decoder<T> decoder;
  BatchUploader uploader;
  ExecSpace exec;

  // Of the last forward, for the backward.
  DeviceBatch batch;
  Matrix<T> output;
  OwnedVector<double> d_logp;  // where they come from the host
};

DecoderCapacity decoder_capacity(const LlamaCapacity& capacity) {
  DecoderCapacity plan;
  plan.tokens = plan.positions = plan.logit_rows = capacity.tokens;
  // Every row of a branch predicts one target, the prompt's last row one for each answer.
  plan.targets = capacity.tokens + capacity.completions;
  plan.completions = capacity.completions;
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
    : implementation_(std::make_unique<Implementation>(config, store, capacity, tensor)) {}

template <class T>
Llama<T>::~Llama() = default;
template <class T>
Llama<T>::Llama(Llama&&) noexcept = default;

template <class T>
std::int64_t Llama<T>::activation_bytes() const {
  return implementation_->decoder.bytes();
}

template <class T>
Vector<const double> Llama<T>::start_forward(const data::TreeBatch& batch, BucketListener* listener) {
  Implementation& self = *implementation_;
  self.batch = self.uploader.upload(self.exec, batch, self.decoder.capacity().training);
  self.output = self.decoder.forward(self.exec, self.batch, {}, listener);
  return self.decoder.head().forward(self.exec, self.decoder.weights(), self.batch, self.output);
}

template <class T>
std::vector<double> Llama<T>::forward(const data::TreeBatch& batch, BucketListener* listener) {
  const Vector<const double> logp = start_forward(batch, listener);
  std::vector<double> host(logp.extent(0));
  Kokkos::deep_copy(implementation_->exec, HostVector<double>(host.data(), host.size()), logp);
  wait();
  return host;
}

template <class T>
void Llama<T>::backward(std::span<const double> d_logp, BucketListener* listener) {
  Implementation& self = *implementation_;
  if (self.d_logp.extent(0) != d_logp.size()) {
    self.d_logp =
        OwnedVector<double>(Kokkos::view_alloc("recpo::llama::d_logp", Kokkos::WithoutInitializing), d_logp.size());
  }
  Kokkos::deep_copy(self.exec, self.d_logp, HostVector<const double>(d_logp.data(), d_logp.size()));
  start_backward(self.d_logp, listener);
  wait();
}

template <class T>
void Llama<T>::wait() {
  implementation_->exec.fence("recpo::llama::wait");
  implementation_->uploader.recycle();
}

template <class T>
void Llama<T>::start_backward(Vector<const double> d_logp, BucketListener* listener) {
  Implementation& self = *implementation_;
  RECPO_REQUIRE(static_cast<std::int64_t>(d_logp.extent(0)) == self.batch.num_completions());
  const LlamaBuckets& buckets = self.buckets;
  const bool adapters = buckets.embedding == LlamaBuckets::kNone, tied = buckets.head == buckets.embedding;
  if (listener != nullptr && !adapters) {
    listener->before_backward(buckets.embedding);
    listener->before_backward(buckets.norms);
    if (!tied) listener->before_backward(buckets.head);
  }
  self.decoder.head().backward(self.exec, self.decoder.weights(), self.batch, self.output, d_logp,
                               self.decoder.d_all(self.batch.num_tokens), self.decoder.gradients());
  if (listener != nullptr && !tied) listener->after_backward(buckets.head);
  self.decoder.backward(self.exec, self.batch, listener);
  if (listener != nullptr && !adapters) {
    listener->after_backward(buckets.norms);
    listener->after_backward(buckets.embedding);
  }
}

#define RECPO_INSTANTIATE(T) template class Llama<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
