#include "src/train/leaves.hpp"

#include <algorithm>
#include <bit>

#include "kernels/reductions.hpp"
#include "src/support/check.hpp"

namespace recpo::train {

LeafPlan plan_leaves(std::int64_t global_batch, std::int64_t wanted, int ranks, int rank,
                     std::int64_t rows_of_micro_batch) {
  if (ranks > global_batch) {
    throw_usage("global_batch = {} cannot be shared by {} data-parallel ranks: use at most {} ranks or a larger batch",
                global_batch, ranks, global_batch);
  }
  const auto largest = static_cast<std::uint64_t>(std::clamp<std::int64_t>(wanted, 1, global_batch));
  LeafPlan plan;
  plan.global_batch = global_batch;
  plan.ranks = ranks;
  plan.rank = rank;
  plan.count = static_cast<int>(std::bit_floor(largest));
  if (plan.count % ranks != 0) plan.count = ranks;
  if (rows_of_micro_batch > 0) {
    const std::int64_t rows_of_round = plan.count * rows_of_micro_batch;
    plan.rounds = static_cast<int>((global_batch + rows_of_round - 1) / rows_of_round);
    plan.leaves_at_once = true;
  }
  return plan;
}

template <class T>
void LeafSums<T>::add(const ExecSpace& exec, std::size_t bucket, Vector<T> gradient, bool last) {
  const auto size = static_cast<std::int64_t>(gradient.extent(0));
  std::size_t level = 0;
  for (; level < levels_.size(); ++level) {
    if (!levels_[level].filled[bucket]) {
      if (last) continue;
      break;
    }
    kernels::add<T>(exec, place(levels_[level], bucket, size), gradient);
    levels_[level].filled[bucket] = false;
  }
  if (last) return;
  if (level == levels_.size()) {
    levels_.push_back(
        {PoolVector<T>::uninitialized("recpo::leaves::sums", size_), std::vector<bool>(offsets_.size(), false)});
  }
  Kokkos::deep_copy(exec, place(levels_[level], bucket, size), gradient);
  levels_[level].filled[bucket] = true;
}

RECPO_INSTANTIATE_SUMS_CLASS(LeafSums);

}  // namespace recpo::train
