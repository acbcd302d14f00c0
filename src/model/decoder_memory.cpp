#include "src/model/decoder_memory.hpp"

#include <algorithm>

#include "kernels/rms_norm.hpp"
#include "src/support/check.hpp"

namespace recpo::model {

Recompute parse_recompute(const std::string& name) {
  if (name == "selective") return Recompute::kSelective;
  if (name == "block") return Recompute::kBlock;
  RECPO_REQUIRE(name == "none");
  return Recompute::kNone;
}

template <class T>
DecoderMemory<T>::DecoderMemory(const LlamaConfig& config, const TensorParallel& tensor,
                                const DecoderCapacity& capacity)
    : config_(shard_config(config, tensor.shard().size)),
      tensor_(tensor),
      capacity_(capacity),
      own_tokens_(tensor.splits_tokens() ? (capacity.tokens + tensor.shard().size - 1) / tensor.shard().size
                                         : capacity.tokens),
      arena_("recpo::decoder::activations") {
  head_ =
      std::make_unique<Head<T>>(config, tensor,
                                typename Head<T>::Capacity{capacity.logit_rows, capacity.targets, capacity.completions,
                                                           capacity.logit_chunk, capacity.training},
                                arena_);
  const std::int64_t blocks = capacity.training ? config_.num_hidden_layers : 1;
  for (std::int64_t l = 0; l < blocks; ++l) blocks_.push_back(plan_block(l == 0 ? nullptr : &blocks_.front()));
  const std::int64_t streams = capacity.training ? blocks + 1 : 1;
  for (std::int64_t l = 0; l < streams; ++l) streams_.push_back(arena_.plan<T>(own_tokens_ * config_.hidden_size));
  for (Arena::Slice* table : {&cosine_, &sine_}) {
    *table = arena_.plan<Accumulate<T>>(capacity.positions * (config_.head_dim / 2));
  }
  if (tensor.splits_tokens()) {
    gathered_ = arena_.plan<T>(tensor.shard().size * own_tokens_ * config_.hidden_size);
    summed_ = arena_.plan<T>(tensor.shard().size * own_tokens_ * config_.hidden_size);
  }
  if (capacity.training) plan_backward();
  plan_lora();
}

// The slices of a block: what the backward needs of every block is new, the rest is `shared`'s. The first block plans
// all (shared = nullptr).
template <class T>
typename DecoderMemory<T>::BlockSlices DecoderMemory<T>::plan_block(const BlockSlices* shared) {
  const std::int64_t tokens = capacity_.tokens, hidden = own_tokens_ * config_.hidden_size;
  const bool keeps_all = capacity_.recompute == Recompute::kNone, keeps_some = capacity_.recompute != Recompute::kBlock;
  const auto plan = [&](Arena::Slice BlockSlices::*slice, bool kept, std::int64_t elements, auto element) {
    return shared == nullptr || kept ? arena_.plan<decltype(element)>(elements) : shared->*slice;
  };
  const auto plan_stored = [&](Arena::Slice BlockSlices::*slice, bool kept, std::int64_t elements) {
    return plan(slice, kept, elements, T());
  };
  const auto plan_sums = [&](Arena::Slice BlockSlices::*slice, std::int64_t elements) {
    return plan(slice, keeps_some, elements, Accumulate<T>());
  };
  BlockSlices slices;
  slices.normed = plan_stored(&BlockSlices::normed, keeps_all, hidden);
  slices.mid = plan_stored(&BlockSlices::mid, keeps_some, hidden);
  slices.mid_normed = plan_stored(&BlockSlices::mid_normed, keeps_all, hidden);
  slices.qkv =
      plan_stored(&BlockSlices::qkv, keeps_some, tokens * (config_.query_width() + 2 * config_.key_value_width()));
  slices.attended = plan_stored(&BlockSlices::attended, keeps_some, tokens * config_.query_width());
  slices.gate_up = plan_stored(&BlockSlices::gate_up, keeps_some, tokens * 2 * config_.intermediate_size);
  slices.activated = plan_stored(&BlockSlices::activated, keeps_all, tokens * config_.intermediate_size);
  slices.inverse_rms = plan_sums(&BlockSlices::inverse_rms, own_tokens_);
  slices.mid_inverse_rms = plan_sums(&BlockSlices::mid_inverse_rms, own_tokens_);
  slices.lse = plan_sums(&BlockSlices::lse, tokens * config_.num_attention_heads);
  slices.lora_u = plan_stored(&BlockSlices::lora_u, keeps_some,
                              tokens * capacity_.lora.rank * static_cast<std::int64_t>(kProjections));
  return slices;
}

template <class T>
void DecoderMemory<T>::plan_backward() {
  const std::int64_t tokens = capacity_.tokens, hidden = own_tokens_ * config_.hidden_size;
  d_x_ = arena_.plan<T>(hidden);
  if (!tensor_.splits_tokens()) d_normed_ = arena_.plan<T>(hidden);
  d_qkv_ = arena_.plan<T>(tokens * (config_.query_width() + 2 * config_.key_value_width()));
  d_attended_ = arena_.plan<T>(tokens * config_.query_width());
  d_activated_ = arena_.plan<T>(tokens * config_.intermediate_size);
  norm_workspace_ = arena_.plan<Accumulate<T>>(kernels::rms_norm_workspace(own_tokens_, config_.hidden_size));
}

template <class T>
std::int64_t DecoderMemory<T>::widest_input() const {
  return std::max({config_.hidden_size, config_.query_width(), config_.intermediate_size});
}

template <class T>
void DecoderMemory<T>::plan_lora() {
  if (!capacity_.training || !capacity_.lora.exists()) return;
  d_u_ = arena_.plan<T>(capacity_.tokens * capacity_.lora.rank);
  if (capacity_.lora.dropout == 0) return;
  dropped_ = arena_.plan<T>(capacity_.tokens * widest_input());
  d_dropped_ = arena_.plan<T>(capacity_.tokens * widest_input());
}

template <class T>
BlockLora<T> DecoderMemory<T>::lora(std::int64_t block, std::int64_t tokens) const {
  BlockLora<T> lora;
  if (!capacity_.lora.exists()) return lora;
  const std::int64_t rank = capacity_.lora.rank;
  const Vector<T> all = arena_.vector<T>(blocks_[capacity_.training ? static_cast<std::size_t>(block) : 0].lora_u);
  for (std::size_t p = 0; p < kProjections; ++p) {
    const auto begin = static_cast<std::int64_t>(p) * capacity_.tokens * rank;
    lora.u[p] = Matrix<T>(all.data() + begin, tokens, rank);
  }
  lora.scale = capacity_.lora.scale();
  if (!capacity_.training) return lora;
  lora.d_u = wide(d_u_, tokens, rank);
  lora.dropped = arena_.vector<T>(dropped_);
  lora.d_dropped = arena_.vector<T>(d_dropped_);
  return lora;
}

template <class T>
TensorRows<T> DecoderMemory<T>::rows(std::int64_t tokens) const {
  if (!tensor_.splits_tokens()) return TensorRows<T>(tensor_, tokens, {}, {});
  const std::int64_t shards = tensor_.shard().size, padded = (tokens + shards - 1) / shards * shards;
  return TensorRows<T>(tensor_, tokens, wide(gathered_, padded, config_.hidden_size),
                       wide(summed_, padded, config_.hidden_size));
}

template <class T>
Matrix<T> DecoderMemory<T>::stream(std::int64_t block, const TensorRows<T>& rows) const {
  const std::size_t index = capacity_.training ? static_cast<std::size_t>(block) : 0;
  return wide(streams_[index], rows.own(), config_.hidden_size);
}

template <class T>
BlockActivations<T> DecoderMemory<T>::activations(std::int64_t block, const TensorRows<T>& rows) const {
  const BlockSlices& s = blocks_[capacity_.training ? static_cast<std::size_t>(block) : 0];
  const std::int64_t hidden = config_.hidden_size, ffn = config_.intermediate_size, query = config_.query_width();
  const std::int64_t tokens = rows.tokens(), own = rows.own();
  BlockActivations<T> a;
  a.x = stream(block, rows);
  a.normed = wide(s.normed, own, hidden);
  a.mid = wide(s.mid, own, hidden);
  a.mid_normed = wide(s.mid_normed, own, hidden);
  a.qkv = wide(s.qkv, tokens, query + 2 * config_.key_value_width());
  a.attended = wide(s.attended, tokens, query);
  a.gate_up = wide(s.gate_up, tokens, 2 * ffn);
  a.activated = wide(s.activated, tokens, ffn);
  a.inverse_rms = arena_.vector<Accumulate<T>>(s.inverse_rms, own);
  a.mid_inverse_rms = arena_.vector<Accumulate<T>>(s.mid_inverse_rms, own);
  a.lse = arena_.matrix<Accumulate<T>>(s.lse, tokens, config_.num_attention_heads);
  return a;
}

template <class T>
BackwardWorkspace<T> DecoderMemory<T>::workspace(std::int64_t tokens) const {
  BackwardWorkspace<T> workspace;
  if (!tensor_.splits_tokens()) workspace.d_normed = wide(d_normed_, tokens, config_.hidden_size);
  workspace.d_qkv = wide(d_qkv_, tokens, config_.query_width() + 2 * config_.key_value_width());
  workspace.d_attended = wide(d_attended_, tokens, config_.query_width());
  workspace.d_activated = wide(d_activated_, tokens, config_.intermediate_size);
  workspace.norm = arena_.vector<Accumulate<T>>(norm_workspace_);
  return workspace;
}

template <class T>
Matrix<T> DecoderMemory<T>::d_x(const TensorRows<T>& rows) const {
  return wide(d_x_, rows.own(), config_.hidden_size);
}

template <class T>
Matrix<T> DecoderMemory<T>::d_all(const TensorRows<T>& rows) const {
  return rows.splits() ? wide(summed_, rows.tokens(), config_.hidden_size) : d_x(rows);
}

#define RECPO_INSTANTIATE(T) template class DecoderMemory<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::model
