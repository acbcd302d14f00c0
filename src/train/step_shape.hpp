#pragma once
// What the samples and options of a stage ask of a step: how it is cut into leaves and micro-batches, and how much
// memory a rank needs for it. The trainer allocates by it, and a plan counts by it.

#include "src/model/llama.hpp"
#include "src/train/leaves.hpp"
#include "src/train/options.hpp"
#include "src/train/samples.hpp"

namespace recpo::train {

struct StepShape {
  std::int64_t longest = 0;                            // tokens of the longest tree
  std::int64_t most_answers = 1, most_logit_rows = 1;  // of one tree
  std::int64_t global_batch = 1, micro_batch_tokens = 0;
  std::int64_t reduction_leaves = 8;
  int zero = 1;
  model::Recompute recompute = model::Recompute::kNone;
  model::LoraOptions lora;
};

StepShape step_shape(const StageOptions& options, const ParallelOptions& parallel, const std::string& recompute,
                     const model::LoraOptions& lora, const std::vector<Sample>& samples);

LeafPlan plan_leaves(const StepShape& shape, int ranks, int rank);  // kUsage: see leaves.hpp
// The largest micro-batch of the plan: whole trees up to micro_batch_tokens, or the longest tree alone.
model::LlamaCapacity llama_capacity(const StepShape& shape, const LeafPlan& leaves);

// Bytes a rank holds while a stage trains, by kind. Weights are those of adapters, too.
struct RankMemory {
  std::int64_t weights = 0, gradients = 0, gradient_leaves = 0, master = 0, moments = 0, activations = 0;
  std::int64_t total() const { return weights + gradients + gradient_leaves + master + moments + activations; }
};

// What the trainer will allocate for elements of type T, without allocating; exact. `moment_bytes` an element.
template <class T>
RankMemory planned_memory(const model::LlamaConfig& config, const model::TensorParallel& tensor, const StepShape& shape,
                          int dp, std::int64_t moment_bytes);

}  // namespace recpo::train
