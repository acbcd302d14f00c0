#pragma once
// Bucketed ZeRO-0/1/2 (Rajbhandari et al. 2020): reduce-scatter of gradients and all-gather of weights, overlapped with
// the passes. The parts of a gradient, for 2 data-parallel ranks and 4 leaves:
//
//   bucket   parameters that are communicated together: embedding, each layer, head, all norms
//   shard    the part of each bucket that one rank owns (both: model/parameter_layout.hpp)
//   leaf     a fixed share of the global batch, computed by one rank; its gradient has every bucket (leaves.hpp)
//   round    leaves of all ranks that are added at a time: all of a batch; with ZeRO 2 some micro-batches
//
//                        bucket 0        bucket 1        bucket 2
//     rank 0   leaf 0  [=======|=======|=======|=======|=======|=======] \_ added on the rank (LeafSums)
//              leaf 1  [=======|=======|=======|=======|=======|=======] /     |
//     rank 1   leaf 2  [=======|=======|=======|=======|=======|=======] \_    |  reduce-scatter, bucket by bucket
//              leaf 3  [=======|=======|=======|=======|=======|=======] /     v
//                      [ sum 0 | sum 1 ]                                   each rank has the sum of its shard
//     shard of rank 0: [=======|       |=======|       |=======|       ]  -> AdamW -> all-gather of the weights
//     shard of rank 1: [       |=======|       |=======|       |=======]
//
//   ZeRO 0  the sums are all-gathered; every rank updates everything
//   ZeRO 1  buckets are sent as the last leaf's backward pass leaves them; a rank updates its shard; weights are
//           all-gathered, each bucket until the next forward pass comes to it
//   ZeRO 2  buckets are sent with every leaf, and sums over leaves are kept of the own shard only, so that gradients of
//           two layers exist at a time
//
// Collective over dp, and over tp for gradients of which a tensor-parallel shard computes a part (TensorGradient).

#include <deque>
#include <memory>

#include "src/model/lora.hpp"
#include "src/model/parameter_store.hpp"
#include "src/optim/adamw.hpp"
#include "src/parallel/communicator.hpp"
#include "src/train/leaves.hpp"

namespace recpo::train {

template <class T>
class DataParallel final : public model::BucketListener {
 public:
  using Gradient = Accumulate<T>;

  // `store` is the model's; what is trained of it has gradient memory kTwoLayers with zero = 2, otherwise kWhole, and
  // buckets for dp's ranks.
  DataParallel(model::ParameterStore<T>& store, const LeafPlan& leaves, int zero, const parallel::ProcessGrid& grid,
               bool sequence_parallel);

  // What a rank's optimizer owns at a level of zero.
  static model::ParameterShard owned(const model::ParameterStore<T>& store, int zero, const parallel::Communicator& dp);

  // Before a leaf's first backward pass. Its last pass gets this object as listener; a leaf without rows says so.
  void begin_leaf(const ExecSpace& exec, int round, int own_leaf);  // own_leaf: of this rank's in the round, from 0
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
  struct InFlight {
    std::size_t bucket;
    bool first_round, last_of_round;
    std::unique_ptr<parallel::Pending> pending;
  };
  void send(std::size_t bucket);
  void land_oldest();
  void make_progress();
  Vector<Gradient> own_shard(std::size_t bucket) const;     // inside the bucket's gradients
  Vector<Gradient> own_gradient(std::size_t bucket) const;  // of the batch, when it is finished

  model::ParameterStore<T>& store_;  // the trained one
  const LeafPlan leaves_;
  const int zero_;
  const parallel::ProcessGrid& grid_;
  const bool sequence_parallel_;
  const model::ParameterShard shard_;
  LeafSums<Gradient> leaf_sums_;
  PoolVector<Gradient> sum_;  // ZeRO 2: the sum over rounds, in shard storage
  ExecSpace exec_;
  int round_ = 0, own_leaf_ = 0;
  std::deque<InFlight> in_flight_;
  std::vector<std::unique_ptr<parallel::Pending>> gathers_;  // of weights, by bucket
};

}  // namespace recpo::train
