#pragma once
// All layouts of a model on a node, what they need and how long they take. Not collective.

#include <optional>
#include <vector>

#include "src/plan/estimate.hpp"

namespace recpo::plan {

struct Plan {
  Layout layout;
  Memory memory;
  train::SentBytes sent;  // by a rank in a step
  StepTime time;
  double flops = 0;  // of the model in a step, all ranks: forward and backward once

  double seconds() const { return time.total(); }
  double fraction_of_peak(const Node& node) const;
};

// Throws kUsage where the layout cannot cut the model or share the batch.
Plan plan_layout(const model::LlamaConfig& config, const Workload& workload, const Layout& layout, const Node& node);

// Every tp x dp of the node's ranks, ZeRO level, recomputation and micro-batch (1, 2, 4, .. longest trees up to
// kMaxTokens, and the wanted layout's own) that fits, best first: the choice, then the others by time (of equals the
// one with less memory). The estimate does not tell layouts within kEstimateError of the fastest apart; of them the
// choice lowers no precision where another does not either, and sends least, because what is sent is known and what
// overlaps is assumed. Precision, sum leaves and sequence parallelism are those of `wanted`. Where a layout fits only
// with one leaf a rank, it has that; where no layout of a tp x dp and ZeRO level fits, lower precision is tried:
// moments in bf16, then (bf16 training) gradients, too.
inline constexpr std::int64_t kMaxTokens = 16384;
inline constexpr double kEstimateError = 0.1;
std::vector<Plan> fitting_layouts(const model::LlamaConfig& config, const Workload& workload, const Layout& wanted,
                                  const Node& node);

// The least memory of all layouts in the wanted precision; empty where nothing can be cut.
std::optional<Plan> smallest_layout(const model::LlamaConfig& config, const Workload& workload, const Layout& wanted,
                                    const Node& node);

}  // namespace recpo::plan
