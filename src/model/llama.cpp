#include "src/model/llama.hpp"

#include "src/model/decoder.hpp"

namespace recpo::model {

template <class T>
struct Llama<T>::Implementation {
  Decoder<T> decoder;
  BatchUploader uploader;
  ExecSpace exec;

  // Of the last forward, for the backward.
  data::TreeBatch batch;
  DeviceBatch on_device;
  Matrix<T> output;
};

template <class T>
Llama<T>::Llama(const LlamaConfig& config, ParameterStore<T>& store, const LlamaCapacity& capacity) {
  DecoderCapacity plan;
  plan.tokens = plan.positions = plan.logit_rows = capacity.tokens;
  // Every row of a branch predicts one target, the prompt's last row one for each answer.
  plan.targets = capacity.tokens + capacity.completions;
  plan.logit_chunk = capacity.logit_rows;
  plan.training = capacity.training;
  implementation_.reset(new Implementation{{config, store, plan}, {}, {}, {}, {}, {}});
}

template <class T>
Llama<T>::~Llama() = default;
template <class T>
Llama<T>::Llama(Llama&&) noexcept = default;

template <class T>
const LlamaConfig& Llama<T>::config() const {
  return implementation_->decoder.config();
}

template <class T>
std::int64_t Llama<T>::activation_bytes() const {
  return implementation_->decoder.bytes();
}

template <class T>
std::vector<double> Llama<T>::forward(const data::TreeBatch& batch) {
  Implementation& self = *implementation_;
  self.batch = batch;
  self.on_device = self.uploader.upload(self.exec, batch, self.decoder.capacity().training);
  self.output = self.decoder.forward(self.exec, self.on_device, {});
  const std::vector<double> token_logp =
      self.decoder.head().forward(self.exec, self.decoder.weights(), self.on_device, batch.target_begin, self.output);
  std::vector<double> logp(static_cast<std::size_t>(batch.num_completions()), 0.0);
  for (std::size_t m = 0; m < token_logp.size(); ++m) {
    logp[static_cast<std::size_t>(batch.target_completion[m])] += token_logp[m];
  }
  return logp;
}

template <class T>
void Llama<T>::backward(std::span<const double> d_logp) {
  Implementation& self = *implementation_;
  RECPO_REQUIRE(d_logp.size() == static_cast<std::size_t>(self.batch.num_completions()));
  std::vector<double> d_token_logp(self.batch.target_token.size());
  for (std::size_t m = 0; m < d_token_logp.size(); ++m) {
    d_token_logp[m] = d_logp[static_cast<std::size_t>(self.batch.target_completion[m])];
  }
  const Matrix<T> d_x = self.decoder.d_x(self.batch.num_tokens());
  self.decoder.head().backward(self.exec, self.decoder.weights(), self.on_device, self.batch.target_begin, self.output,
                               d_token_logp, d_x, self.decoder.gradients());
  self.decoder.backward(self.exec, self.on_device, d_x);
  self.exec.fence("recpo::llama::backward");
}

#define RECPO_INSTANTIATE(T) template class Llama<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
