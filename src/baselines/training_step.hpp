#pragma once
// One step of training: binary cross-entropy of the row's answer against one item drawn as negative,
//   L = mean over the batch of log(1 + exp(-score(answer))) + log(1 + exp(score(negative))),
// then Adam with its L2 term added to the gradient (kernels/adamw.hpp). Gradients are summed over the fixed leaves of
// train/leaves.hpp, so that loss and weights have the same bits on 1, 2, 4 and 8 data-parallel ranks. Collective over
// `dp`.

#include <vector>

#include "src/baselines/options.hpp"
#include "src/baselines/sequence_model.hpp"
#include "src/parallel/communicator.hpp"
#include "src/train/leaf_sums.hpp"
#include "src/train/leaves.hpp"

namespace recpo::baselines {

struct Example {
  const Sequence* sequence = nullptr;
  int negative = 0;
  std::vector<int> keys;  // of dropout, one a history item
};

struct StepFigures {
  double loss = 0;
  bool skipped = false;  // loss or gradient are not finite: the weights were left alone
};

template <class T>
class TrainingStep {
 public:
  // `leaves`: parallel.reduction_leaves. Throws kUsage for more ranks than examples in a batch.
  TrainingStep(const BaselineOptions& options, std::int64_t leaves, SequenceModel<T>& model,
               parallel::Communicator& dp);

  // At most options.batch examples, the same on every rank.
  StepFigures run(const std::vector<Example>& batch);

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

}  // namespace recpo::baselines
