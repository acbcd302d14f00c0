#pragma once
// One optimizer step on a global batch: the batch is a pure function of (seed, step); each rank runs its leaves forward
// and backward, gradients are summed along the fixed tree, clipped and applied. Losses are summed in batch order on
// every rank. The host starts a device's work and waits for it at the step's end (in longer steps it runs no more
// micro-batches ahead than support/uploader.hpp lets it). Collective over the world.

#include "src/model/llama.hpp"
#include "src/train/data_parallel.hpp"
#include "src/train/leaves.hpp"
#include "src/train/metrics.hpp"
#include "src/train/samples.hpp"
#include "src/train/step_sets.hpp"
#include "src/train/step_shape.hpp"
#include "src/train/train.hpp"

namespace recpo::train {

template <class T>
class TrainingStep {
 public:
  TrainingStep(const Stage& stage, const std::vector<Sample>& samples, const ReferenceLogps& reference,
               const model::LlamaConfig& config, model::ParameterStore<T>& store, optim::AdamW<T>& optimizer,
               const parallel::ProcessGrid& grid, std::int64_t total_steps, const Heartbeat& heartbeat);

  // Step `step` counts from 0. A non-finite loss or gradient leaves the weights alone (metrics.skipped). Weights may
  // still be on their way between the ranks when it returns: settle() before anything else reads them.
  StepMetrics run(std::int64_t step);
  void settle() { data_parallel_.settle(); }

  const LeafPlan& leaves() const { return leaves_; }
  RankMemory memory() const;                       // allocated by now; the first step allocates the last of it
  double gemm_rate() const { return gemm_rate_; }  // of all ranks together

 private:
  std::vector<const Sample*> batch_of(std::int64_t step);
  void run_leaf(const std::vector<const Sample*>& batch, int round, int slot, double loss_scale);
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
