#include "src/plan/memory.hpp"

#include <algorithm>

#include "kernels/rms_norm.hpp"
#include "src/model/decoder.hpp"

namespace recpo::plan {
namespace {

constexpr std::int64_t kPlanned = sizeof(float);  // bytes of an element in planned_memory<float>

// Elements of the activations that are sums and statistics: norms' inverse roots, log-sum-exps, log-probs, partial sums
// of norm gradients and the rotary tables (model/decoder_memory.cpp, model/head.cpp).
std::int64_t statistic_elements(const model::LlamaConfig& config, const model::TensorParallel& tensor,
                                const model::DecoderCapacity& capacity) {
  const std::int64_t shards = tensor.shard().size;
  const std::int64_t own = tensor.splits_tokens() ? (capacity.tokens + shards - 1) / shards : capacity.tokens;
  const std::int64_t of_block = 2 * own + capacity.tokens * config.num_attention_heads / shards;
  const std::int64_t blocks = capacity.recompute == model::Recompute::kBlock ? 1 : config.num_hidden_layers;
  const std::int64_t chunk = std::min(capacity.logit_chunk, capacity.logit_rows);
  const std::int64_t head = capacity.logit_rows * (tensor.is_split() ? 1 + shards : 1) + capacity.targets + 2 * chunk +
                            kernels::rms_norm_workspace(chunk, config.hidden_size);
  return blocks * of_block + head + kernels::rms_norm_workspace(own, config.hidden_size) +
         capacity.positions * config.head_dim;
}

}  // namespace

Memory rank_memory(const model::LlamaConfig& config, const Workload& workload, const Layout& layout) {
  const model::TensorParallel tensor(model::Shard{0, layout.tp}, layout.sequence_parallel);
  const train::StepShape shape = workload.shape(layout);
  const Precision& bytes = layout.precision;
  const train::RankMemory planned = train::planned_memory<float>(config, tensor, shape, layout.dp, bytes.moment);
  Memory memory;
  memory.weights = planned.weights / kPlanned * bytes.weight;
  memory.gradients = planned.gradients / kPlanned * bytes.gradient;
  memory.gradient_leaves = planned.gradient_leaves / kPlanned * bytes.gradient;
  memory.moments = planned.moments;
  memory.master = planned.moments / (2 * bytes.moment) * bytes.master;
  memory.activations = planned.activations;
  if (bytes.activation != kPlanned) {
    const model::DecoderCapacity capacity =
        model::decoder_capacity(train::llama_capacity(shape, train::plan_leaves(shape, layout.dp, 0)));
    const std::int64_t statistics = statistic_elements(config, tensor, capacity);
    memory.activations =
        (planned.activations - statistics * kPlanned) / kPlanned * bytes.activation + statistics * bytes.sum;
  }
  return memory;
}

}  // namespace recpo::plan
