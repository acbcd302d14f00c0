#pragma once
// The operation graphs of attention_plan.hpp, as descriptions: nothing is compiled yet.

#include <memory>

#include "kernels/cudnn/attention_plan.hpp"
#include "kernels/cudnn/frontend.hpp"

namespace recpo::cudnn {

using Graph = cudnn_frontend::graph::Graph;

// Names of the tensors where a graph is executed.
enum AttentionTensor : std::int64_t {
  kQ = 1, kK, kV, kBias, kLengths, kQkvOffsets, kOutOffsets, kOut, kStats, kDOut, kDq, kDk, kDv
};

std::unique_ptr<Graph> attention_forward_graph(const AttentionPlanShape& shape);
std::unique_ptr<Graph> attention_backward_graph(const AttentionPlanShape& shape);

}  // namespace recpo::cudnn
