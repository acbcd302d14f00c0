#pragma once
// Bytes of a rank while a stage trains, by kind: what the trainer would allocate in the layout's precision
// (train/step_shape.hpp). Allocates nothing; not collective.

#include "src/plan/workload.hpp"

namespace recpo::plan {

using Memory = train::RankMemory;

// Throws kUsage when the batch cannot be shared by the layout's ranks.
Memory rank_memory(const model::LlamaConfig& config, const Workload& workload, const Layout& layout);

}  // namespace recpo::plan
