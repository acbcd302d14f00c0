#pragma once
// Expected time of a step on a node:
//   compute    products' FLOPs / (peak x efficiency x t / (t + half)) + bytes of everything else / memory bandwidth
//   tensor     tensor-parallel collectives in full
//   data       data-parallel ones beyond the part of a pass that hides them: gradients under the backward pass of the
//              micro-batch they leave with (but for the last bucket), weights (ZeRO 1, 2) under the next step's first
//              forward pass, summed gradients (ZeRO 0) under nothing; what is hidden still takes its memory accesses
//   optimizer  its bytes / memory bandwidth
// of the data-parallel rank that takes longest. An estimate: measure before relying on differences below 10 %.

#include "src/plan/node.hpp"
#include "src/plan/traffic.hpp"

namespace recpo::plan {

struct StepTime {  // seconds
  double compute = 0, tensor = 0, data = 0, optimizer = 0;
  double total() const { return compute + tensor + data + optimizer; }
};

StepTime step_time(const model::LlamaConfig& config, const Workload& workload, const Layout& layout, const Node& node);

}  // namespace recpo::plan
