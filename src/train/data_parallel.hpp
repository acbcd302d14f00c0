#pragma once
// Gradients to their owners and weights back, bucket by bucket, while passes go on (ZeRO; Rajbhandari et al. 2020):
//   0  gradients are summed on all ranks; every rank updates everything
//   1  gradients are reduce-scattered as the last backward pass leaves a bucket; a rank updates its slices; weights are
//      all-gathered, each bucket until the next forward pass comes to it
//   2  gradients leave with every leaf, so that only two layers of them exist at a time beside the rank's own slices
// The sums follow the tree of train/leaves.hpp. Collective over dp, and over tp where gradients of what every shard has
// are parts of a sum: of block norms when tokens are split, and of adapters' whole matrices.

#include <deque>
#include <memory>

#include "src/model/bucket_listener.hpp"
#include "src/model/lora.hpp"
#include "src/model/weights.hpp"
#include "src/optim/adamw.hpp"
#include "src/parallel/communicator.hpp"
#include "src/train/leaf_sums.hpp"
#include "src/train/leaves.hpp"

namespace recpo::train {

template <class T>
class DataParallel final : public model::BucketListener {
 public:
  using Gradient = Accumulate<T>;

  // `store` is the model's; what is trained of it has gradient memory kTwoLayers with zero = 2, otherwise kWhole, and
  // buckets for dp's ranks. `splits_tokens`: gradients of block norms are parts that are summed over tp.
  DataParallel(const model::LlamaConfig& config, model::ParameterStore<T>& store, const LeafPlan& leaves, int zero,
               const parallel::ProcessGrid& grid, bool splits_tokens);

  // The slices a rank's optimizer owns at a level of zero.
  static model::ParameterShard owned(const model::ParameterStore<T>& store, int zero, const parallel::Communicator& dp);

  // Before a leaf's first backward pass. Its last pass gets this object as listener; a leaf without rows says so.
  void begin_leaf(const ExecSpace& exec, int round, int slot);
  void skip_leaf();
  // After the last leaf: all sums are there. Then the norm over all ranks, and the update.
  void finish_gradients();
  double gradient_norm() const;
  void update(optim::AdamW<T>& optimizer, double lr, double norm);
  // Until every weight is there (before anything but a forward pass with this listener reads them).
  void settle();

  void before_forward(std::size_t bucket) override;
  void before_backward(std::size_t bucket) override;
  void after_backward(std::size_t bucket) override;

  std::int64_t leaf_bytes() const { return leaf_sums_.bytes(); }
  std::int64_t gradient_bytes() const { return store_.gradient_bytes() + sum_.bytes(); }

 private:
  struct Travelling {
    std::size_t bucket;
    bool first_round, last_of_round;
    std::unique_ptr<parallel::Pending> pending;
  };
  void send(std::size_t bucket);
  void land_oldest();
  void make_progress();
  Vector<Gradient> partial_gradients(std::size_t bucket) const;
  Vector<Gradient> own_slice(const Vector<Gradient>& bucket_values, std::size_t bucket) const;

  const bool adapters_;
  const model::LlamaBuckets buckets_;
  model::ParameterStore<T>& store_;  // the trained one
  const LeafPlan leaves_;
  const int zero_;
  const parallel::ProcessGrid& grid_;
  const bool splits_tokens_;
  const model::ParameterShard slices_;  // one for each dp rank
  LeafSums<Gradient> leaf_sums_;
  PlannedVector<Gradient> sum_;  // ZeRO 2: the sum over rounds, in shard storage
  ExecSpace exec_;
  int round_ = 0, slot_ = 0;
  std::deque<Travelling> travelling_;
  std::vector<std::unique_ptr<parallel::Pending>> gathers_;  // of weights, by bucket
};

}  // namespace recpo::train
