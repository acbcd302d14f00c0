#pragma once
// What a run will do and need, from the deck, the rows and the model's shape: the text of --dry-run.

#include <cstdint>
#include <string>

#include "src/app/workspace.hpp"

namespace recpo::app {

// Bytes a rank holds while a stage trains. Activations are an estimate from the block's equations, the rest is exact.
struct TrainingMemory {
  std::int64_t weights = 0, gradients = 0, gradient_leaves = 0, moments = 0, activations = 0;
  std::int64_t total() const { return weights + gradients + gradient_leaves + moments + activations; }
};

struct StagePlan {
  std::string name, unit;  // sft, rows | align, sets
  std::int64_t samples = 0, steps = 0, global_batch = 0, longest_tokens = 0;
  TrainingMemory memory;
  std::int64_t comm_bytes_tp = 0, comm_bytes_dp = 0;  // a step and rank, as metrics.jsonl counts them
};

StagePlan plan_stage(const Context& context, const std::string& name, const data::RowFile& rows,
                     const model::LlamaConfig& config);

std::string plan_text(Workspace& workspace);

}  // namespace recpo::app
