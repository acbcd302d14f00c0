#include "src/model/decoder_memory.hpp"

#include <algorithm>

#include "kernels/bias.hpp"
#include "kernels/norm.hpp"
#include "src/support/check.hpp"
#include "src/support/views.hpp"

namespace recpo::model {

template <class T>
DecoderMemory<T>::DecoderMemory(const LlamaConfig& config, const TensorParallel& tensor,
                                const DecoderCapacity& capacity)
    : config_(shard_config(config, tensor.shard().size)),
      parts_(block_parts(config)),
      tensor_(tensor),
      capacity_(capacity),
      own_tokens_(tensor.sequence_parallel() ? (capacity.tokens + tensor.shard().size - 1) / tensor.shard().size
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
  if (tensor.sequence_parallel()) {
    gathered_ = arena_.plan<T>(tensor.shard().size * own_tokens_ * config_.hidden_size);
    summed_ = arena_.plan<T>(tensor.shard().size * own_tokens_ * config_.hidden_size);
  }
  if (capacity.training) plan_backward();
  plan_lora();
}

// f(slice, view, kept, rows, columns) for every matrix of BlockActivations but its input, by tokens of a pass and of
// this shard.
template <class T>
template <class F>
void DecoderMemory<T>::for_each_activation(std::int64_t tokens, std::int64_t own, const F& f) const {
  using Slices = BlockSlices;
  using Views = BlockActivations<T>;
  const bool keeps_all = capacity_.recompute == Recompute::kNone, keeps_some = capacity_.recompute != Recompute::kBlock;
  const std::int64_t hidden = config_.hidden_size, query = config_.query_width(), ffn = config_.intermediate_size;
  f(&Slices::normed, &Views::normed, keeps_all, own, hidden);
  f(&Slices::mid, &Views::mid, keeps_some, own, hidden);
  f(&Slices::mid_normed, &Views::mid_normed, keeps_all, own, hidden);
  f(&Slices::qkv, &Views::qkv, keeps_some, tokens, query + 2 * config_.key_value_width());
  f(&Slices::attended, &Views::attended, keeps_some, tokens, query);
  f(&Slices::gate_up, &Views::gate_up, keeps_some, tokens, 2 * ffn);
  f(&Slices::activated, &Views::activated, keeps_all, tokens, ffn);
  f(&Slices::inverse_rms, &Views::inverse_rms, keeps_some, own, 1);
  f(&Slices::mid_inverse_rms, &Views::mid_inverse_rms, keeps_some, own, 1);
  f(&Slices::lse, &Views::lse, keeps_some, tokens, config_.num_attention_heads);
  if (!parts_.head_norms) return;
  f(&Slices::qk, &Views::qk, keeps_some, tokens, query + config_.key_value_width());
  f(&Slices::head_inverse_rms, &Views::head_inverse_rms, keeps_some, tokens,
    config_.num_attention_heads + config_.num_key_value_heads);
}

// The slices of a block: what the backward needs of every block is new, the rest is `shared`'s. The first block plans
// all (shared = nullptr).
template <class T>
typename DecoderMemory<T>::BlockSlices DecoderMemory<T>::plan_block(const BlockSlices* shared) {
  BlockSlices slices = shared == nullptr ? BlockSlices{} : *shared;
  const auto plan = [&]<class View>(auto slice, View BlockActivations<T>::*, bool kept, auto rows, auto columns) {
    if (shared == nullptr || kept) slices.*slice = arena_.plan<typename View::value_type>(rows * columns);
  };
  for_each_activation(capacity_.tokens, own_tokens_, plan);
  if (shared == nullptr || capacity_.recompute != Recompute::kBlock)
    slices.lora_u = arena_.plan<T>(capacity_.tokens * capacity_.lora.rank * static_cast<std::int64_t>(kProjections));
  return slices;
}

template <class T>
void DecoderMemory<T>::plan_backward() {
  const std::int64_t tokens = capacity_.tokens, hidden = own_tokens_ * config_.hidden_size;
  d_x_ = arena_.plan<T>(hidden);
  if (!tensor_.sequence_parallel()) d_normed_ = arena_.plan<T>(hidden);
  const std::int64_t qkv = config_.query_width() + 2 * config_.key_value_width();
  d_qkv_ = arena_.plan<T>(tokens * qkv);
  d_attended_ = arena_.plan<T>(tokens * config_.query_width());
  d_activated_ = arena_.plan<T>(tokens * config_.intermediate_size);
  std::int64_t row_sums = kernels::rms_norm_workspace(own_tokens_, config_.hidden_size);
  if (parts_.qkv_bias) row_sums = std::max(row_sums, kernels::bias_workspace(tokens, qkv));
  if (parts_.head_norms) row_sums = std::max(row_sums, kernels::head_norm_workspace(tokens, config_.head_dim));
  row_sums_ = arena_.plan<Accumulate<T>>(row_sums);
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
SequenceShards<T> DecoderMemory<T>::rows(std::int64_t tokens) const {
  if (!tensor_.sequence_parallel()) return SequenceShards<T>(tensor_, tokens, {}, {});
  const std::int64_t shards = tensor_.shard().size, padded = round_up(tokens, shards);
  return SequenceShards<T>(tensor_, tokens, wide(gathered_, padded, config_.hidden_size),
                           wide(summed_, padded, config_.hidden_size));
}

template <class T>
Matrix<T> DecoderMemory<T>::stream(std::int64_t block, const SequenceShards<T>& rows) const {
  const std::size_t index = capacity_.training ? static_cast<std::size_t>(block) : 0;
  return wide(streams_[index], rows.own(), config_.hidden_size);
}

template <class T>
BlockActivations<T> DecoderMemory<T>::activations(std::int64_t block, const SequenceShards<T>& rows) const {
  const BlockSlices& s = blocks_[capacity_.training ? static_cast<std::size_t>(block) : 0];
  BlockActivations<T> a;
  a.x = stream(block, rows);
  const auto set = [&]<class View>(auto slice, View BlockActivations<T>::*view, bool, auto count, auto columns) {
    using Element = typename View::value_type;
    if constexpr (View::rank() == 1) {
      a.*view = arena_.vector<Element>(s.*slice, count);
    } else {
      a.*view = arena_.matrix<Element>(s.*slice, count, columns);
    }
  };
  for_each_activation(rows.tokens(), rows.own(), set);
  return a;
}

template <class T>
BackwardWorkspace<T> DecoderMemory<T>::workspace(std::int64_t tokens) const {
  BackwardWorkspace<T> workspace;
  if (!tensor_.sequence_parallel()) workspace.d_normed = wide(d_normed_, tokens, config_.hidden_size);
  workspace.d_qkv = wide(d_qkv_, tokens, config_.query_width() + 2 * config_.key_value_width());
  workspace.d_attended = wide(d_attended_, tokens, config_.query_width());
  workspace.d_activated = wide(d_activated_, tokens, config_.intermediate_size);
  workspace.row_sums = arena_.vector<Accumulate<T>>(row_sums_);
  return workspace;
}

template <class T>
Matrix<T> DecoderMemory<T>::d_x(const SequenceShards<T>& rows) const {
  return wide(d_x_, rows.own(), config_.hidden_size);
}

template <class T>
Matrix<T> DecoderMemory<T>::d_all(const SequenceShards<T>& rows) const {
  return rows.splits() ? wide(summed_, rows.tokens(), config_.hidden_size) : d_x(rows);
}

RECPO_INSTANTIATE_STORAGE_CLASS(DecoderMemory);

}  // namespace recpo::model
