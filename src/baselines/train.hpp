#pragma once
// Training of a sequential recommender on the frozen rows. An example is a training row as the language model sees it:
// the history in its prompt, oldest first, and the item to answer with; nothing of validation and test rows
// enters. Each epoch goes through all rows in an order drawn by the seed, with one negative a row: an item of the
// training rows other than the answer, uniformly. After each epoch the validation rows are ranked; training ends when
// their HR@1 has not risen for options.patience epochs, or after options.epochs, and the weights of the best epoch (of
// equal ones the first) are what is kept. Without validation rows it is the last.
//
// Draws are functions of (seed, epoch, row), and a checkpoint holds the complete state: training that is stopped or
// killed at any moment continues to the same weights, bit for bit, on 1, 2, 4 or 8 data-parallel ranks.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "src/baselines/options.hpp"
#include "src/baselines/sequence_model.hpp"
#include "src/parallel/communicator.hpp"
#include "src/train/leaves.hpp"
#include "src/train/loop.hpp"

namespace recpo::baselines {

struct StepMetrics {
  double loss = 0, grad_norm = 0;
  bool skipped = false;  // loss or gradient are not finite: the weights were left alone
};

// One step of training: binary cross-entropy of the row's answer against one item drawn as negative,
//   L = mean over the batch of log(1 + exp(-score(answer))) + log(1 + exp(score(negative))),
// then Adam with its L2 term added to the gradient (kernels/adamw.hpp). Gradients are summed over the fixed leaves of
// train/leaves.hpp, so that loss and weights have the same bits on 1, 2, 4 and 8 data-parallel ranks. Collective over
// `dp`.
template <class T>
class TrainingStep {
 public:
  // `leaves`: parallel.reduction_leaves. Throws kUsage for more ranks than examples in a batch.
  TrainingStep(const BaselineOptions& options, std::int64_t leaves, SequenceModel<T>& model,
               parallel::Communicator& dp);

  // At most options.batch examples, the same on every rank.
  StepMetrics run(const std::vector<Example>& batch);

  // Adam's state, for checkpoints.
  std::int64_t updates() const { return updates_; }
  Vector<T> first_moment() const { return m_; }
  Vector<T> second_moment() const { return v_; }
  void set_updates(std::int64_t updates) { updates_ = updates; }

 private:
  void run_leaf(std::span<const Example> examples, std::size_t batch, std::vector<double>& losses);
  double gradient_norm() const;
  void update();

  BaselineOptions options_;
  SequenceModel<T>& model_;
  parallel::Communicator& dp_;
  train::LeafPlan leaves_;
  train::LeafSums<T> sums_;
  OwnedVector<T> m_, v_;
  std::int64_t updates_ = 0;
  ExecSpace exec_;
};

struct TrainingJob {
  const Baseline* baseline = nullptr;
  BaselineOptions options;
  train::CheckpointOptions checkpoint;
  std::int64_t reduction_leaves = 8;
  std::int64_t max_bad_steps = 3;
  std::uint64_t seed = 1;
  std::filesystem::path folder;  // of the checkpoints
  std::string inputs_hash;       // of rows and settings
};

struct Trained {
  bool finished = false;  // false: stopped in order, with a checkpoint
  std::int64_t steps = 0;
  std::unique_ptr<SequenceModel<float>> model;  // with the weights of the best epoch
};

ModelShape model_shape(const BaselineOptions& options, const ItemVocabulary& vocabulary);

// Batches of an epoch over so many training rows.
std::int64_t steps_of_epoch(const BaselineOptions& options, std::int64_t training_rows);

// Collective over grid.world. `stop_requested` is asked once a step, with the agreement of all ranks. Throws kBadInput
// without training rows, kNumerics when more than max_bad_steps steps were not finite, kUsage when the folder holds
// checkpoints of other inputs.
Trained train(const TrainingJob& job, const data::RowFile& rows, const ItemVocabulary& vocabulary,
              const parallel::ProcessGrid& grid, const train::StopRequested& stop_requested);

}  // namespace recpo::baselines
