#pragma once
// What a stage of training did and cost, in a few lines at its end: time by phase, bytes sent by axis and collective,
// and the memory of a rank by kind.

#include <string>

#include "src/train/metrics.hpp"
#include "src/train/step_shape.hpp"

namespace recpo::train {

class StageSummary {
 public:
  void add(const StepMetrics& step);  // num_tokens: of the step
  // Lines without a line break at the end; empty when no step was made.
  std::string text(const std::string& stage, const RankMemory& memory) const;

 private:
  std::int64_t steps_ = 0, tokens_ = 0;
  double seconds_ = 0, seconds_tp_ = 0, seconds_dp_ = 0, seconds_optimizer_ = 0, flops_ = 0;
  SentBytes sent_;
};

}  // namespace recpo::train
