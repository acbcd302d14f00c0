#pragma once
// The operation graphs of attention_plan.hpp, as descriptions: nothing is compiled yet.

#include <memory>

#include "kernels/cudnn/attention_plan.hpp"
#include "kernels/cudnn/frontend.hpp"

namespace recpo::cudnn {

using Graph = cudnn_frontend::graph::Graph;

// Names of the tensors where a graph is executed.
enum AttentionTensor : std::int64_t {
  kQ = 1,
  kK,
  kV,
  kBias,
  kLengths,
  kQkvOffsets,
  kOutOffsets,
  kOut,
  kStats,
  kDOut,
  kDq,
  kDk,
  kDv
};

// A device that is described instead of asked. Without one, graphs are for the current device.
struct DescribedDevice {
  std::shared_ptr<cudnn_frontend::DeviceProperties> properties;
  int compute_capability = 0;
};

std::unique_ptr<Graph> attention_forward_graph(const AttentionPlanShape& shape, const DescribedDevice& device = {});
std::unique_ptr<Graph> attention_backward_graph(const AttentionPlanShape& shape, const DescribedDevice& device = {});

}  // namespace recpo::cudnn
