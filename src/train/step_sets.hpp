#pragma once
// The preference sets of one step on this rank (an SFT row is a set of one). Their terms go to the device for the
// gradient; their log-probs stay there until the step's end and come to the host in one copy, for the figures.

#include <vector>

#include "kernels/completions.hpp"
#include "src/objective/objective.hpp"
#include "src/support/uploader.hpp"
#include "src/train/metrics.hpp"

namespace recpo::train {

class StepSets {
 public:
  // Of so many completions at most in a step.
  explicit StepSets(std::int64_t completions);

  // Adds a micro-batch's sets, neighbours in the global batch from `first_place` on, with the policy's log-probs
  // logp [C]. Returns scale * d loss / d logp, [C], in memory of this object until take_metrics(). Nobody waits.
  Vector<const double> add(const ExecSpace& exec, std::vector<objective::Terms> terms, std::int64_t first_place,
                           double scale, Vector<const double> logp);

  // Figures of all sets added since the last call. Waits.
  std::vector<SampleMetrics> take_metrics(const ExecSpace& exec);

 private:
  kernels::PreferenceSets upload(const ExecSpace& exec, const std::vector<objective::Terms>& terms);

  std::vector<objective::Terms> terms_;
  std::vector<std::int64_t> places_;
  std::int64_t completions_ = 0;
  Uploader uploader_;
  OwnedVector<double> logp_, d_logp_;
};

// Of one set.
SampleMetrics sample_metrics(const objective::Terms& terms, std::span<const double> logp);

}  // namespace recpo::train
