#include "src/train/leaf_sums.hpp"

#include "kernels/reductions.hpp"

namespace recpo::train {

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
        {PlannedVector<T>::uninitialized("recpo::leaf_sums", size_), std::vector<bool>(offsets_.size(), false)});
  }
  Kokkos::deep_copy(exec, place(levels_[level], bucket, size), gradient);
  levels_[level].filled[bucket] = true;
}

#define RECPO_INSTANTIATE(T) template class LeafSums<T>;
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::train
