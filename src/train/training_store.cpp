#include "src/train/train.hpp"

namespace recpo::train {

template <class T>
std::unique_ptr<model::ParameterStore<T>> training_store(const model::LlamaConfig& config,
                                                         const ParallelOptions& options,
                                                         const parallel::ProcessGrid& grid) {
  const int tp = grid.tp->size();
  model::check_tensor_parallel(config, tp);
  const auto gradients = options.zero == 2 ? model::GradientMemory::kTwoLayers : model::GradientMemory::kWhole;
  return std::make_unique<model::ParameterStore<T>>(model::llama_parameters(config, {grid.tp->rank(), tp}), gradients,
                                                    grid.dp->size());
}

#define RECPO_INSTANTIATE(T)                                            \
  template std::unique_ptr<model::ParameterStore<T>> training_store<T>( \
      const model::LlamaConfig&, const ParallelOptions&, const parallel::ProcessGrid&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::train
