#pragma once
// Shape of a step, from the samples and options of a stage: its cut into leaves and micro-batches, and the memory that
// a rank needs. The trainer allocates by it, and a plan counts by it.

#include "src/data/tree_batch.hpp"
#include "src/model/config.hpp"
#include "src/model/llama.hpp"
#include "src/train/leaves.hpp"
#include "src/train/options.hpp"
#include "src/train/samples.hpp"

namespace recpo::train {

// Of trees that are only scored.
struct TreesShape {
  std::int64_t count = 0, tokens = 0;                                             // of all
  std::int64_t longest = 0, shortest = 0, most_answers = 0, most_logit_rows = 0;  // of one

  void add(std::int64_t tree_tokens, std::int64_t answers, std::int64_t prompt_tokens);
};
TreesShape trees_shape(const ValidationRows& rows);  // with all candidates

struct StepShape {
  std::int64_t longest = 0;                            // tokens of the longest tree
  std::int64_t most_answers = 1, most_logit_rows = 1;  // of one tree
  std::int64_t global_batch = 1, micro_batch_tokens = 0;
  std::int64_t reduction_leaves = 8;
  int zero = 1;
  model::Recompute recompute = model::Recompute::kNone;
  model::LoraOptions lora;
  TreesShape validation;  // between steps; count 0: none
};

StepShape step_shape(const StageOptions& options, const ParallelOptions& parallel, model::Recompute recompute,
                     const model::LoraOptions& lora, const std::vector<Sample>& samples);

LeafPlan plan_leaves(const StepShape& shape, int ranks, int rank);  // kUsage: see leaves.hpp
// The largest micro-batch of the plan: whole trees up to micro_batch_tokens, or the longest tree alone.
model::LlamaCapacity llama_capacity(const StepShape& shape, const LeafPlan& leaves);
// The largest pass of a validation, which keeps nothing for a backward pass.
model::LlamaCapacity validation_capacity(const StepShape& shape);

// Bytes a rank holds while a stage trains, by kind. Weights are those of adapters, too.
struct RankMemory {
  std::int64_t weights = 0, gradients = 0, gradient_leaves = 0, master = 0, moments = 0, activations = 0;
  std::int64_t total() const { return weights + gradients + gradient_leaves + master + moments + activations; }
};

// What the trainer will allocate for elements of type T, without allocating; exact. `moment_bytes` an element.
template <class T>
RankMemory planned_memory(const model::LlamaConfig& config, const model::TensorParallel& tensor, const StepShape& shape,
                          int dp, std::int64_t moment_bytes);

// Floating-point operations of the matrix products of a pass, counted from the shapes (attention included, elementwise
// work not): the numerator of the fraction of the machine's GEMM rate.

// The backward pass in forward passes: gradients of inputs and, unless they are frozen under adapters (whose own few
// operations are not counted), of weights.
constexpr double backward_passes(bool frozen) { return frozen ? 1.0 : 2.0; }

// Forward only.
inline double forward_flops(const model::LlamaConfig& config, const data::TreeBatch& batch) {
  const auto tokens = static_cast<double>(batch.num_tokens());
  const auto hidden = static_cast<double>(config.hidden_size);
  const double block_weights =
      hidden * (2.0 * static_cast<double>(config.query_width()) + 2.0 * static_cast<double>(config.key_value_width()) +
                3.0 * static_cast<double>(config.intermediate_size));
  double seen_keys = 0;  // pairs of query and visible key
  for (std::size_t i = 0; i < batch.tokens.size(); ++i) seen_keys += batch.positions[i] + 1;
  const auto layers = static_cast<double>(config.num_hidden_layers);
  const double head = static_cast<double>(batch.logit_rows.size()) * hidden * static_cast<double>(config.vocab_size);
  return 2.0 * (layers * (tokens * block_weights + 2.0 * seen_keys * static_cast<double>(config.query_width())) + head);
}

}  // namespace recpo::train
