#pragma once
// Bytes of a rank while a stage trains, by kind: the element counts of what the trainer allocates
// (train/step_shape.hpp), in the bytes of a precision. Allocates nothing; not collective.

#include "src/plan/workload.hpp"

namespace recpo::plan {

struct Memory {
  std::int64_t weights = 0, gradients = 0, gradient_leaves = 0, master = 0, moments = 0, activations = 0;
  std::int64_t total() const { return weights + gradients + gradient_leaves + master + moments + activations; }
};

// Throws kUsage when the batch cannot be shared by the layout's ranks.
Memory rank_memory(const model::LlamaConfig& config, const Workload& workload, const Layout& layout);

}  // namespace recpo::plan
