#include "src/model/decoder.hpp"

#include "kernels/embedding.hpp"
#include "kernels/rms_norm.hpp"

namespace recpo::model {
namespace {
kernels::AttentionShape attention_shape(const LlamaConfig& config) {
  return {static_cast<int>(config.num_attention_heads), static_cast<int>(config.num_key_value_heads),
          static_cast<int>(config.head_dim)};
}
}  // namespace

template <class T>
Decoder<T>::Decoder(const LlamaConfig& config, ParameterStore<T>& store, const DecoderCapacity& capacity)
    : config_(config),
      capacity_(capacity),
      weights_(llama_weights(config, store)),
      arena_("recpo::decoder::activations") {
  if (capacity.training) gradients_ = llama_gradients(config, store);
  head_ = std::make_unique<Head<T>>(config_, capacity.logit_rows, capacity.targets, capacity.logit_chunk,
                                    capacity.training, arena_);
  const std::int64_t blocks = capacity.training ? config_.num_hidden_layers : 1;
  for (std::int64_t l = 0; l < blocks; ++l) blocks_.push_back(plan_block());
  const std::int64_t hidden = capacity.tokens * config_.hidden_size;
  for (std::int64_t l = 0; l < (capacity.training ? blocks + 1 : 1); ++l) streams_.push_back(arena_.plan<T>(hidden));
  if (capacity.training) {
    d_x_ = arena_.plan<T>(hidden);
    d_normed_ = arena_.plan<T>(hidden);
    d_qkv_ = arena_.plan<T>(capacity.tokens * (config_.query_width() + 2 * config_.key_value_width()));
    d_attended_ = arena_.plan<T>(capacity.tokens * config_.query_width());
    d_activated_ = arena_.plan<T>(capacity.tokens * config_.intermediate_size);
    norm_workspace_ = arena_.plan<Accumulate<T>>(kernels::rms_norm_workspace(capacity.tokens, config_.hidden_size));
  }
  arena_.allocate();
  make_rope_tables(ExecSpace{});
}

template <class T>
typename Decoder<T>::BlockSlices Decoder<T>::plan_block() {
  const std::int64_t tokens = capacity_.tokens, hidden = config_.hidden_size, ffn = config_.intermediate_size;
  BlockSlices slices;
  slices.normed = arena_.plan<T>(tokens * hidden);
  slices.mid = arena_.plan<T>(tokens * hidden);
  slices.mid_normed = arena_.plan<T>(tokens * hidden);
  slices.qkv = arena_.plan<T>(tokens * (config_.query_width() + 2 * config_.key_value_width()));
  slices.attended = arena_.plan<T>(tokens * config_.query_width());
  slices.gate_up = arena_.plan<T>(tokens * 2 * ffn);
  slices.activated = arena_.plan<T>(tokens * ffn);
  slices.inverse_rms = arena_.plan<Accumulate<T>>(tokens);
  slices.mid_inverse_rms = arena_.plan<Accumulate<T>>(tokens);
  slices.lse = arena_.plan<Accumulate<T>>(tokens * config_.num_attention_heads);
  return slices;
}

template <class T>
void Decoder<T>::make_rope_tables(const ExecSpace& exec) {
  const std::vector<double> frequencies =
      kernels::rope_inverse_frequencies(static_cast<int>(config_.head_dim), config_.rope_theta, config_.rope_scaling);
  OwnedVector<double> on_device("recpo::decoder::inverse_frequency", frequencies.size());
  Kokkos::deep_copy(on_device, Kokkos::View<const double*, Kokkos::LayoutRight, HostSpace, Unmanaged>(
                                   frequencies.data(), frequencies.size()));
  cosine_ = OwnedMatrix<Accumulate<T>>("recpo::decoder::cosine", capacity_.positions, config_.head_dim / 2);
  sine_ = OwnedMatrix<Accumulate<T>>("recpo::decoder::sine", capacity_.positions, config_.head_dim / 2);
  kernels::rope_tables<T>(exec, on_device, cosine_, sine_);
  exec.fence("recpo::decoder::make_rope_tables");
}

template <class T>
Matrix<T> Decoder<T>::stream(std::int64_t block, std::int64_t tokens) const {
  const std::size_t index = capacity_.training ? static_cast<std::size_t>(block) : 0;
  return arena_.matrix<T>(streams_[index], tokens, config_.hidden_size);
}

template <class T>
BlockActivations<T> Decoder<T>::activations(std::int64_t block, std::int64_t tokens) const {
  const BlockSlices& s = blocks_[capacity_.training ? static_cast<std::size_t>(block) : 0];
  const std::int64_t hidden = config_.hidden_size, ffn = config_.intermediate_size, query = config_.query_width();
  BlockActivations<T> a;
  a.x = stream(block, tokens);
  a.normed = arena_.matrix<T>(s.normed, tokens, hidden);
  a.mid = arena_.matrix<T>(s.mid, tokens, hidden);
  a.mid_normed = arena_.matrix<T>(s.mid_normed, tokens, hidden);
  a.qkv = arena_.matrix<T>(s.qkv, tokens, query + 2 * config_.key_value_width());
  a.attended = arena_.matrix<T>(s.attended, tokens, query);
  a.gate_up = arena_.matrix<T>(s.gate_up, tokens, 2 * ffn);
  a.activated = arena_.matrix<T>(s.activated, tokens, ffn);
  a.inverse_rms = arena_.vector<Accumulate<T>>(s.inverse_rms, tokens);
  a.mid_inverse_rms = arena_.vector<Accumulate<T>>(s.mid_inverse_rms, tokens);
  a.lse = arena_.matrix<Accumulate<T>>(s.lse, tokens, config_.num_attention_heads);
  return a;
}

template <class T>
BlockContext<T> Decoder<T>::context(const DeviceBatch& batch) {
  // The scores' workspace depends on how the batch is cut into spans; it grows to the largest seen.
  const std::int64_t needed = kernels::attention_workspace(attention_shape(config_), batch.spans);
  if (static_cast<std::int64_t>(attention_workspace_.extent(0)) < needed) {
    attention_workspace_ = OwnedVector<T>();
    attention_workspace_ =
        OwnedVector<T>(Kokkos::view_alloc("recpo::decoder::attention_workspace", Kokkos::WithoutInitializing), needed);
  }
  return {config_, batch, {cosine_, sine_}, attention_workspace_};
}

template <class T>
Matrix<T> Decoder<T>::forward(const ExecSpace& exec, const DeviceBatch& batch,
                              const std::vector<KeyValueCache<T>>& caches) {
  RECPO_REQUIRE(batch.num_tokens > 0 && batch.num_tokens <= capacity_.tokens);
  RECPO_REQUIRE(static_cast<std::int64_t>(batch.logit_rows.extent(0)) <= capacity_.logit_rows);
  kernels::embedding_forward<T>(exec, batch.tokens, weights_.embedding, stream(0, batch.num_tokens));
  const BlockContext<T> shared = context(batch);
  for (std::int64_t l = 0; l < config_.num_hidden_layers; ++l) {
    const auto index = static_cast<std::size_t>(l);
    block_forward<T>(exec, shared, weights_.blocks[index], caches.empty() ? KeyValueCache<T>{} : caches[index],
                     activations(l, batch.num_tokens), stream(l + 1, batch.num_tokens));
  }
  return stream(config_.num_hidden_layers, batch.num_tokens);
}

template <class T>
void Decoder<T>::backward(const ExecSpace& exec, const DeviceBatch& batch, Matrix<T> d_x) {
  RECPO_REQUIRE(capacity_.training);
  const std::int64_t tokens = batch.num_tokens;
  const BlockContext<T> shared = context(batch);
  BackwardWorkspace<T> workspace;
  workspace.d_normed = arena_.matrix<T>(d_normed_, tokens, config_.hidden_size);
  workspace.d_qkv = arena_.matrix<T>(d_qkv_, tokens, config_.query_width() + 2 * config_.key_value_width());
  workspace.d_attended = arena_.matrix<T>(d_attended_, tokens, config_.query_width());
  workspace.d_activated = arena_.matrix<T>(d_activated_, tokens, config_.intermediate_size);
  workspace.norm = arena_.vector<Accumulate<T>>(norm_workspace_);
  for (std::int64_t l = config_.num_hidden_layers - 1; l >= 0; --l) {
    const auto index = static_cast<std::size_t>(l);
    block_backward<T>(exec, shared, weights_.blocks[index], activations(l, tokens), workspace, d_x,
                      gradients_.blocks[index]);
  }
  kernels::embedding_backward<T>(exec, batch.group_token, batch.group_begin, batch.order, d_x, gradients_.embedding);
}

#define RECPO_INSTANTIATE(T) template class Decoder<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
