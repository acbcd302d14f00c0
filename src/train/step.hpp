#pragma once
// One optimizer step on a global batch: the batch is a pure function of (seed, step); each rank runs its leaves forward
// and backward, gradients are summed along the fixed tree, clipped and applied. Losses are summed in batch order on
// every rank. The host starts a device's work and waits for it at the step's end (in longer steps it runs no more
// micro-batches ahead than support/uploader.hpp lets it). Collective over the world.

#include <vector>

#include "kernels/set_loss.hpp"
#include "src/model/llama.hpp"
#include "src/objective/objective.hpp"
#include "src/support/uploader.hpp"
#include "src/train/data_parallel.hpp"
#include "src/train/leaves.hpp"
#include "src/train/metrics.hpp"
#include "src/train/samples.hpp"
#include "src/train/step_shape.hpp"
#include "src/train/train.hpp"

namespace recpo::train {

// The preference sets of one step on this rank (an SFT row is a set of one) and their loss. Terms go to the device for
// the gradient; log-probs stay there until the step's end and come to the host in one copy, for the metrics.
class StepSets {
 public:
  // Of so many completions at most in a step.
  StepSets(std::int64_t completions, kernels::SetLoss loss);

  // Adds a micro-batch's sets, neighbours in the global batch from `first_place` on, with the policy's log-probs
  // logp [C]. Returns scale * d loss / d logp, [C], in memory of this object until take_metrics(). Asynchronous.
  Vector<const double> add(const ExecSpace& exec, std::vector<objective::Terms> terms, std::int64_t first_place,
                           double scale, Vector<const double> logp);

  // Metrics of all sets added since the last call. Fences.
  std::vector<SampleMetrics> take_metrics(const ExecSpace& exec);

 private:
  kernels::PreferenceSets upload(const ExecSpace& exec, const std::vector<objective::Terms>& terms);

  kernels::SetLoss loss_;
  std::vector<objective::Terms> terms_;
  std::vector<std::int64_t> places_;
  std::int64_t completions_ = 0;
  Uploader uploader_;
  OwnedVector<double> logp_, d_logp_;
};

// Of one set.
SampleMetrics sample_metrics(const kernels::SetLoss& loss, const objective::Terms& terms, std::span<const double> logp);

template <class T>
class TrainingStep {
 public:
  TrainingStep(const Stage& stage, const std::vector<Sample>& samples, const ReferenceLogps& reference,
               const model::LlamaConfig& config, model::ParameterStore<T>& store, optim::AdamW<T>& optimizer,
               const parallel::ProcessGrid& grid, std::int64_t total_steps, const Heartbeat& heartbeat);

  // Step `step` counts from 0. A non-finite loss or gradient leaves the weights alone (metrics.skipped). Weights may
  // still be in flight between the ranks when it returns: settle() before anything else reads them.
  StepMetrics run(std::int64_t step);
  void settle() { data_parallel_.settle(); }

  const LeafPlan& leaves() const { return leaves_; }
  RankMemory memory() const;                       // allocated by now; the first step allocates the last of it
  double gemm_rate() const { return gemm_rate_; }  // of all ranks together

 private:
  std::vector<const Sample*> batch_of(std::int64_t step);
  void run_leaf(const std::vector<const Sample*>& batch, int round, int own_leaf, double loss_scale);
  void run_micro_batch(std::span<const Sample* const> samples, std::int64_t first_place, bool last_of_leaf,
                       double loss_scale);
  objective::Terms terms_of(const Sample& sample) const;

  const Stage& stage_;
  const bool preferences_;
  const std::vector<Sample>& samples_;
  const ReferenceLogps& reference_;
  const model::LlamaConfig& config_;
  model::ParameterStore<T>& store_;
  optim::AdamW<T>& optimizer_;
  const parallel::ProcessGrid& grid_;
  const Heartbeat& heartbeat_;
  std::int64_t total_steps_;
  SampleOrder order_;
  const StepShape shape_;
  const LeafPlan leaves_;
  DataParallel<T> data_parallel_;
  model::Llama<T> llama_;
  StepSets sets_;
  ExecSpace exec_;
  double gemm_rate_ = 0, flops_ = 0;
  std::int64_t first_sample_ = 0;  // of this step's batch, counted from the stage's begin
};

}  // namespace recpo::train
