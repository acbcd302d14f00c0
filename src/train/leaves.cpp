#include "src/train/leaves.hpp"

#include <algorithm>
#include <bit>

#include "kernels/reductions.hpp"
#include "src/support/check.hpp"

namespace recpo::train {

LeafPlan plan_leaves(std::int64_t global_batch, std::int64_t wanted, int ranks, int rank) {
  if (ranks > global_batch) {
    throw_usage("global_batch = {} cannot be shared by {} data-parallel ranks: use at most {} ranks or a larger batch",
                global_batch, ranks, global_batch);
  }
  const auto largest = static_cast<std::uint64_t>(std::clamp<std::int64_t>(wanted, 1, global_batch));
  int count = static_cast<int>(std::bit_floor(largest));
  if (count % ranks != 0) count = ranks;
  const int own = count / ranks;
  return {global_batch, count, rank * own, (rank + 1) * own};
}

template <class T>
void GradientTree<T>::begin_leaf(const ExecSpace& exec) {
  Kokkos::deep_copy(exec, gradient_, T(0));
}

template <class T>
void GradientTree<T>::end_leaf(const ExecSpace& exec, bool last) {
  std::size_t level = 0;
  for (; level < levels_.size() && levels_[level].filled; ++level) {
    kernels::add<T>(exec, levels_[level].sum, gradient_);
    levels_[level].filled = false;
  }
  if (last) {
    for (; level < levels_.size(); ++level) {
      if (!levels_[level].filled) continue;
      kernels::add<T>(exec, levels_[level].sum, gradient_);
      levels_[level].filled = false;
    }
    return;
  }
  if (level == levels_.size()) {
    levels_.push_back(
        {OwnedVector<T>(Kokkos::view_alloc("recpo::leaves::partial", Kokkos::WithoutInitializing), gradient_.extent(0)),
         false});
  }
  Kokkos::deep_copy(exec, levels_[level].sum, gradient_);
  levels_[level].filled = true;
}

template <class T>
std::int64_t GradientTree<T>::bytes() const {
  return static_cast<std::int64_t>(levels_.size() * gradient_.extent(0) * sizeof(T));
}

#define RECPO_INSTANTIATE(T) template class GradientTree<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::train
