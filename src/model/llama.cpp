#include "src/model/llama.hpp"

#include <algorithm>

#include "kernels/embedding.hpp"
#include "kernels/rope.hpp"

namespace recpo::model {

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
Vector<const double> Llama<T>::start_forward(const data::TreeBatch& batch, BucketListener* listener) {
  batch_ = uploader_.upload(exec_, batch, decoder_.capacity().training);
  output_ = decoder_.forward(exec_, batch_, {}, listener);
  return decoder_.head().forward(exec_, decoder_.weights(), batch_, output_);
}

template <class T>
std::vector<double> Llama<T>::forward(const data::TreeBatch& batch, BucketListener* listener) {
  const Vector<const double> logp = start_forward(batch, listener);
  std::vector<double> host(logp.extent(0));
  Kokkos::deep_copy(exec_, HostVector<double>(host.data(), host.size()), logp);
  wait();
  return host;
}

template <class T>
void Llama<T>::backward(std::span<const double> d_logp, BucketListener* listener) {
  if (d_logp_.extent(0) != d_logp.size()) {
    d_logp_ =
        OwnedVector<double>(Kokkos::view_alloc("recpo::llama::d_logp", Kokkos::WithoutInitializing), d_logp.size());
  }
  Kokkos::deep_copy(exec_, d_logp_, HostVector<const double>(d_logp.data(), d_logp.size()));
  start_backward(d_logp_, listener);
  wait();
}

template <class T>
void Llama<T>::wait() {
  exec_.fence("recpo::llama::wait");
  uploader_.recycle();
}

template <class T>
void Llama<T>::start_backward(Vector<const double> d_logp, BucketListener* listener) {
  RECPO_REQUIRE(static_cast<std::int64_t>(d_logp.extent(0)) == batch_.num_completions());
  const LlamaBuckets& buckets = decoder_.buckets();
  const bool adapters = buckets.adapters(), tied = buckets.head == buckets.embedding;
  if (listener != nullptr && !adapters) {
    listener->before_backward(buckets.embedding);
    listener->before_backward(buckets.norms);
    if (!tied) listener->before_backward(buckets.head);
  }
  decoder_.head().backward(exec_, decoder_.weights(), batch_, output_, d_logp, decoder_.d_all(batch_.num_tokens),
                           decoder_.gradients());
  if (listener != nullptr && !tied) listener->after_backward(buckets.head);
  decoder_.backward(exec_, batch_, listener);
  if (listener != nullptr && !adapters) {
    listener->after_backward(buckets.norms);
    listener->after_backward(buckets.embedding);
  }
}

RECPO_INSTANTIATE_STORAGE_CLASS(Llama);

namespace {
// The adapters are those of the store, whatever the capacity was planned with.
template <class T>
DecoderCapacity with_adapters(DecoderCapacity capacity, const ParameterStore<T>& store) {
  capacity.lora.rank = 0;
  if (store.adapters()) capacity.lora = store.adapters()->options;
  return capacity;
}

// Elements for the scores of a pass full of longest trees: they grow with the square of a tree's length.
template <class T>
std::int64_t most_attention_elements(const LlamaConfig& shard, const DecoderCapacity& capacity) {
  std::vector<kernels::AttentionSpan> spans;
  for (std::int64_t begin = 0; capacity.longest_tree > 0 && begin < capacity.tokens; begin += capacity.longest_tree) {
    const std::int64_t end = std::min(capacity.tokens, begin + capacity.longest_tree);
    spans.push_back({begin, end, begin, end});
  }
  return kernels::attention_workspace<T>(attention_shape(shard), spans);
}

}  // namespace

BlockCollectives decoder_collectives(const LlamaConfig& config, Recompute recompute) {
  BlockCollectives all{1, 2};  // the embedding's sum; gathers for the head and for the embedding's gradient
  const auto add = [&](std::int64_t blocks, const BlockCollectives& block) {
    all.sums += blocks * block.sums;
    all.gathers += blocks * block.gathers;
  };
  add(config.num_hidden_layers, kForwardCollectives);
  if (recompute == Recompute::kBlock) add(config.num_hidden_layers - 1, kForwardAgainCollectives);  // not the last
  add(config.num_hidden_layers, kBackwardCollectives);
  return all;
}

template <class T>
std::int64_t planned_decoder_bytes(const LlamaConfig& config, const TensorParallel& tensor,
                                   const DecoderCapacity& capacity) {
  const LlamaConfig shard = shard_config(config, tensor.shard().size);
  return DecoderMemory<T>(config, tensor, capacity).bytes() +
         most_attention_elements<T>(shard, capacity) * static_cast<std::int64_t>(sizeof(Accumulate<T>));
}

template <class T>
Decoder<T>::Decoder(const LlamaConfig& config, ParameterStore<T>& store, const DecoderCapacity& capacity,
                    const TensorParallel& tensor)
    : config_(shard_config(config, tensor.shard().size)),
      capacity_(with_adapters(capacity, store)),
      buckets_(trained_store(store).buckets(), config.num_hidden_layers),
      vocabulary_(vocabulary_shard(config, tensor.shard())),
      tensor_rank_(tensor.shard().rank),
      weights_(llama_weights(config, store)),
      memory_(config, tensor, capacity_) {
  gradients_.blocks.resize(weights_.blocks.size());
  if (store.adapters()) {
    adapters_ = adapter_weights(config, *store.adapters());
    if (capacity.training) adapter_gradients_ = adapter_gradients(config, *store.adapters());
  } else if (capacity.training) {
    gradients_ = llama_gradients(config, store);
  }
  memory_.allocate();
  make_rope_tables(ExecSpace{});
  reserve_attention(most_attention_elements<T>(config_, capacity_));
}

template <class T>
void Decoder<T>::make_rope_tables(const ExecSpace& exec) {
  const std::vector<double> frequencies =
      kernels::rope_inverse_frequencies(static_cast<int>(config_.head_dim), config_.rope_theta, config_.rope_scaling);
  OwnedVector<double> on_device("recpo::llama::inverse_frequency", frequencies.size());
  Kokkos::deep_copy(on_device, Kokkos::View<const double*, Kokkos::LayoutRight, HostSpace, Unmanaged>(
                                   frequencies.data(), frequencies.size()));
  kernels::rope_tables<T>(exec, on_device, memory_.cosine(), memory_.sine());
  exec.fence("recpo::llama::make_rope_tables");
}

// The scores' workspace depends on how a batch is cut into spans; it grows to the largest seen.
template <class T>
void Decoder<T>::reserve_attention(std::int64_t elements) {
  if (attention_workspace_.size() >= elements) return;
  attention_workspace_ = {};
  attention_workspace_ = PoolVector<Accumulate<T>>::uninitialized("recpo::llama::attention_workspace", elements);
}

template <class T>
BlockContext<T> Decoder<T>::context(const DeviceBatch& batch, const SequenceShards<T>& rows) {
  reserve_attention(kernels::attention_workspace<T>(attention_shape(config_), batch.spans));
  return {config_, rows, batch, {memory_.cosine(), memory_.sine()}, attention_workspace_.view()};
}

template <class T>
BlockLora<T> Decoder<T>::lora(std::int64_t block, const DeviceBatch& batch) const {
  const auto index = static_cast<std::size_t>(block);
  if (adapters_.empty()) return {};
  BlockLora<T> lora = memory_.lora(block, batch.num_tokens);
  lora.weights = adapters_[index];
  if (!adapter_gradients_.empty()) lora.gradients = adapter_gradients_[index];
  if (capacity_.training && capacity_.lora.dropout > 0) {
    lora.mask = {batch.dropout_key, (index + 1) << 8, capacity_.lora.dropout, 0};
    lora.first_column[static_cast<std::size_t>(Projection::kO)] = tensor_rank_ * config_.query_width();
    lora.first_column[static_cast<std::size_t>(Projection::kDown)] = tensor_rank_ * config_.intermediate_size;
  }
  return lora;
}

template <class T>
Matrix<T> Decoder<T>::forward(const ExecSpace& exec, const DeviceBatch& batch,
                              const std::vector<KeyValueCache<T>>& caches, BucketListener* listener) {
  RECPO_REQUIRE(batch.num_tokens > 0 && batch.num_tokens <= capacity_.tokens);
  RECPO_REQUIRE(static_cast<std::int64_t>(batch.logit_rows.extent(0)) <= capacity_.logit_rows);
  const auto reach = [&](std::size_t bucket) {
    if (listener != nullptr && bucket != LlamaBuckets::kNone) listener->before_forward(bucket);
  };
  const SequenceShards<T> rows = memory_.rows(batch.num_tokens);
  reach(buckets_.embedding);
  reach(buckets_.norms);
  const Matrix<T> embedded = rows.partial(memory_.stream(0, rows)), first = memory_.stream(0, rows);
  kernels::embedding_forward<T>(exec, batch.tokens, weights_.embedding, embedded, vocabulary_.first);
  const Matrix<T> sum = rows.sum(exec, embedded);
  if (rows.splits()) Kokkos::deep_copy(exec, first, sum);

  const BlockContext<T> shared = context(batch, rows);
  for (std::int64_t l = 0; l < config_.num_hidden_layers; ++l) {
    const auto index = static_cast<std::size_t>(l);
    buckets_.for_layer(index, reach);
    block_forward<T>(exec, shared, weights_.blocks[index], lora(l, batch),
                     caches.empty() ? KeyValueCache<T>{} : caches[index], memory_.activations(l, rows),
                     memory_.stream(l + 1, rows));
  }
  reach(buckets_.head);
  return rows.gather(exec, memory_.stream(config_.num_hidden_layers, rows));
}

template <class T>
void Decoder<T>::backward(const ExecSpace& exec, const DeviceBatch& batch, BucketListener* listener) {
  RECPO_REQUIRE(capacity_.training);
  const SequenceShards<T> rows = memory_.rows(batch.num_tokens);
  const BlockContext<T> shared = context(batch, rows);
  const BackwardWorkspace<T> workspace = memory_.workspace(batch.num_tokens);
  const Matrix<T> d_x = memory_.d_x(rows);
  if (rows.splits()) Kokkos::deep_copy(exec, d_x, rows.own_of(memory_.d_all(rows)));
  const std::int64_t last = config_.num_hidden_layers - 1;
  for (std::int64_t l = last; l >= 0; --l) {
    const auto index = static_cast<std::size_t>(l);
    const BlockActivations<T> activations = memory_.activations(l, rows);
    if (listener != nullptr) buckets_.for_layer(index, [&](std::size_t b) { listener->before_backward(b); });
    const BlockLora<T> adapters = lora(l, batch);
    // The last block's shared activations are still those of the forward pass.
    if (l < last && capacity_.recompute == Recompute::kBlock) {
      block_forward<T>(exec, shared, weights_.blocks[index], adapters, KeyValueCache<T>{}, activations, Matrix<T>());
    } else if (l < last && capacity_.recompute == Recompute::kSelective) {
      block_recompute_elementwise<T>(exec, shared, weights_.blocks[index], activations);
    }
    block_backward<T>(exec, shared, weights_.blocks[index], adapters, activations, workspace, d_x,
                      gradients_.blocks[index]);
    if (listener != nullptr) buckets_.for_layer(index, [&](std::size_t b) { listener->after_backward(b); });
  }
  if (gradients_.embedding.data() == nullptr) return;
  kernels::embedding_backward<T>(exec, batch.group_token, batch.group_begin, batch.order, rows.gather(exec, d_x),
                                 gradients_.embedding, vocabulary_.first);
}

RECPO_INSTANTIATE_STORAGE_CLASS(Decoder);
RECPO_INSTANTIATE_STORAGE(planned_decoder_bytes);

}  // namespace recpo::model
