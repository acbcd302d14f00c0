#include "src/optim/gradient_norm.hpp"

#include <cmath>

#include "kernels/reductions.hpp"

namespace recpo::optim {

template <class T>
double gradient_norm(const ExecSpace& exec, const model::ParameterStore<T>& store, const model::ParameterShard& shard,
                     const SliceGradients<T>& gradients, parallel::Communicator& dp, parallel::Communicator& tp) {
  const auto buckets = static_cast<std::int64_t>(gradients.size());
  const OwnedVector<double> partials("recpo::gradient_norm::partials", buckets * shard.chunks());
  for (std::int64_t b = 0; b < buckets; ++b) {
    const model::Bucket& bucket = store.buckets()[static_cast<std::size_t>(b)];
    if (bucket.replicated && tp.rank() != 0) continue;
    const std::int64_t chunk = bucket.size() / shard.chunks();
    const std::int64_t first = shard.slice(static_cast<std::size_t>(b)).begin / chunk;
    const Vector<Accumulate<T>>& gradient = gradients[static_cast<std::size_t>(b)];
    kernels::square_sum_chunks<Accumulate<T>>(
        exec, gradient, chunk,
        Vector<double>(partials.data() + b * shard.chunks() + first, gradient.extent(0) / chunk));
  }
  dp.all_reduce_sum(exec, partials);  // a chunk has one owner: exact
  tp.all_reduce_sum(exec, partials);
  const auto host = Kokkos::create_mirror_view_and_copy(HostSpace{}, partials);
  double sum = 0;
  for (std::size_t i = 0; i < host.extent(0); ++i) sum += host(i);
  return std::sqrt(sum);
}

#define RECPO_INSTANTIATE(T)                                                                                        \
  template double gradient_norm<T>(const ExecSpace&, const model::ParameterStore<T>&, const model::ParameterShard&, \
                                   const SliceGradients<T>&, parallel::Communicator&, parallel::Communicator&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::optim
