#include "src/train/step_shape.hpp"

#include <algorithm>
#include <bit>

#include "src/model/llama.hpp"
#include "src/optim/adamw.hpp"

namespace recpo::train {

StepShape step_shape(const StageOptions& options, const ParallelOptions& parallel, model::Recompute recompute,
                     const model::LoraOptions& lora, const std::vector<Sample>& samples) {
  StepShape shape;
  for (const Sample& sample : samples) {
    shape.longest = std::max(shape.longest, sample.tokens());
    shape.most_answers = std::max(shape.most_answers, static_cast<std::int64_t>(sample.answers.size()));
    shape.most_logit_rows = std::max(shape.most_logit_rows, sample.logit_rows());
  }
  shape.global_batch = options.global_batch;
  shape.micro_batch_tokens = options.micro_batch_tokens;
  shape.reduction_leaves = parallel.reduction_leaves;
  shape.zero = static_cast<int>(parallel.zero);
  shape.recompute = recompute;
  shape.lora = lora;
  return shape;
}

LeafPlan plan_leaves(const StepShape& shape, int ranks, int rank) {
  const std::int64_t rows =
      std::max<std::int64_t>(1, shape.micro_batch_tokens / std::max<std::int64_t>(1, shape.longest));
  return plan_leaves(shape.global_batch, shape.reduction_leaves, ranks, rank, shape.zero == 2 ? rows : 0);
}

model::LlamaCapacity llama_capacity(const StepShape& shape, const LeafPlan& leaves) {
  model::LlamaCapacity capacity;
  const std::int64_t leaf_tokens = leaves.most_rows() * shape.longest;
  capacity.tokens = std::max(shape.longest, std::min(shape.micro_batch_tokens, leaf_tokens));
  capacity.completions = leaves.most_rows() * shape.most_answers;
  capacity.logit_rows = std::min(capacity.logit_rows, leaves.most_rows() * shape.most_logit_rows);
  capacity.longest_tree = shape.longest;
  capacity.training = true;
  capacity.recompute = shape.recompute;
  capacity.lora = shape.lora;
  return capacity;
}

void TreesShape::add(std::int64_t tree_tokens, std::int64_t answers, std::int64_t prompt_tokens) {
  shortest = count == 0 ? tree_tokens : std::min(shortest, tree_tokens);
  longest = std::max(longest, tree_tokens);
  most_answers = std::max(most_answers, answers);
  most_logit_rows = std::max(most_logit_rows, 1 + tree_tokens - prompt_tokens);
  tokens += tree_tokens;
  ++count;
}

TreesShape trees_shape(const ValidationRows& rows) {
  TreesShape shape;
  for (const data::Row* row : rows) {
    const std::vector<std::span<const std::int32_t>> answers(row->answer_ids.begin(), row->answer_ids.end());
    shape.add(data::tree_tokens(row->prompt_ids, answers), static_cast<std::int64_t>(answers.size()),
              static_cast<std::int64_t>(row->prompt_ids.size()));
  }
  return shape;
}

model::LlamaCapacity validation_capacity(const StepShape& shape) {
  const TreesShape& trees = shape.validation;
  model::LlamaCapacity capacity;
  capacity.tokens = std::max(trees.longest, std::min(shape.micro_batch_tokens, trees.tokens));
  const std::int64_t most_trees = std::min(trees.count, capacity.tokens / trees.shortest);
  capacity.completions = most_trees * trees.most_answers;
  capacity.logit_rows = std::min(capacity.logit_rows, most_trees * trees.most_logit_rows);
  capacity.longest_tree = trees.longest;
  capacity.lora = shape.lora;
  return capacity;
}

template <class T>
RankMemory planned_memory(const model::LlamaConfig& config, const model::TensorParallel& tensor, const StepShape& shape,
                          int dp, std::int64_t moment_bytes) {
  constexpr auto kSum = static_cast<std::int64_t>(sizeof(Accumulate<T>));
  const LeafPlan leaves = plan_leaves(shape, dp, 0);
  const bool slices = shape.zero == 2, adapters = shape.lora.exists();
  const auto gradients = slices ? model::GradientMemory::kTwoLayers : model::GradientMemory::kWhole;
  const model::StoreLayout whole(model::llama_parameters(config, tensor.shard()),
                                 adapters ? model::GradientMemory::kNone : gradients, dp);
  const model::StoreLayout trained =
      adapters ? model::StoreLayout(model::adapter_parameters(config, shape.lora, tensor.shard()), gradients, dp)
               : whole;
  const std::int64_t owned = trained.size / dp, updated = shape.zero == 0 ? trained.size : owned;
  RankMemory memory;
  memory.weights = (whole.size + (adapters ? trained.size : 0)) * static_cast<std::int64_t>(sizeof(T));
  memory.gradients = (trained.gradient_size + (slices ? owned : 0)) * kSum;
  const auto levels = static_cast<std::int64_t>(std::bit_width(static_cast<unsigned>(leaves.own())) - 1);
  memory.gradient_leaves = levels * (slices ? owned : trained.size) * kSum;
  memory.moments = 2 * updated * moment_bytes;
  memory.master = optim::AdamW<T>::kHasMaster ? updated * kSum : 0;

  const model::DecoderCapacity capacity = model::decoder_capacity(llama_capacity(shape, leaves));
  memory.activations = model::planned_decoder_bytes<T>(config, tensor, capacity);
  if (shape.validation.count > 0)
    memory.activations += model::planned_decoder_bytes<T>(config, {tensor.shard(), false},
                                                          model::decoder_capacity(validation_capacity(shape)));
  return memory;
}

RECPO_INSTANTIATE_STORAGE(planned_memory);

}  // namespace recpo::train
