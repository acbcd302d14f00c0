#include "src/plan/memory.hpp"

namespace recpo::plan {

Memory rank_memory(const model::LlamaConfig& config, const Workload& workload, const Layout& layout) {
  const model::TensorParallel tensor(model::Shard{0, layout.tp}, layout.sequence_parallel);
  const Precision& precision = layout.precision;
  const auto planned = precision.name == "bf16" ? train::planned_memory<Bfloat16> : train::planned_memory<float>;
  train::RankMemory memory = planned(config, tensor, workload.shape(layout), layout.dp, precision.moment);
  memory.gradients = memory.gradients / precision.sum * precision.gradient;
  memory.gradient_leaves = memory.gradient_leaves / precision.sum * precision.gradient;
  return memory;
}

}  // namespace recpo::plan
