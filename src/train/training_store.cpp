#include "src/train/train.hpp"

namespace recpo::train {

template <class T>
std::unique_ptr<model::ParameterStore<T>> training_store(const model::LlamaConfig& config,
                                                         const ParallelOptions& options, const model::LoraOptions& lora,
                                                         const parallel::ProcessGrid& grid) {
  using model::GradientMemory;
  const model::Shard shard{grid.tp->rank(), grid.tp->size()};
  model::check_tensor_parallel(config, shard.size);
  const auto gradients = options.zero == 2 ? GradientMemory::kTwoLayers : GradientMemory::kWhole;
  auto store = std::make_unique<model::ParameterStore<T>>(
      model::llama_parameters(config, shard), lora.exists() ? GradientMemory::kNone : gradients, grid.dp->size());
  if (lora.exists())
    store->carry(std::make_shared<model::Adapters<T>>(config, lora, shard, gradients, grid.dp->size()));
  return store;
}

template <class T>
RankMemory stage_memory(const Stage& stage, const std::vector<Sample>& samples, const model::LlamaConfig& config,
                        const parallel::ProcessGrid& grid) {
  const StepShape shape = step_shape(stage.options, stage.parallel, stage.recompute, stage.lora, samples);
  const model::TensorParallel tensor(*grid.tp, stage.parallel.sequence_parallel);
  return planned_memory<T>(config, tensor, shape, grid.dp->size(), optim::AdamW<T>::bytes_of_moment(stage.optimizer));
}

#define RECPO_INSTANTIATE(T)                                                                                       \
  template std::unique_ptr<model::ParameterStore<T>> training_store<T>(                                            \
      const model::LlamaConfig&, const ParallelOptions&, const model::LoraOptions&, const parallel::ProcessGrid&); \
  template RankMemory stage_memory<T>(const Stage&, const std::vector<Sample>&, const model::LlamaConfig&,         \
                                      const parallel::ProcessGrid&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::train
