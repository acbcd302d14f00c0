#include "src/train/data_parallel.hpp"

#include "kernels/reductions.hpp"
#include "src/optim/gradient_norm.hpp"
#include "src/support/check.hpp"

namespace recpo::train {
namespace {
// Buckets on their way at a time: enough to overlap, and a bound for the memory of messages.
constexpr std::size_t kMostTravelling = 2;

// ZeRO 0 and 1 put whole buckets aside between leaves, ZeRO 2 slices.
template <class T>
LeafSums<Accumulate<T>> make_leaf_sums(const model::ParameterStore<T>& store, const model::ParameterShard& slices,
                                       int zero) {
  std::vector<std::int64_t> offsets;
  for (std::size_t b = 0; b < store.buckets().size(); ++b) {
    offsets.push_back(zero == 2 ? slices.slice(b).shard_offset : store.buckets()[b].begin);
  }
  return LeafSums<Accumulate<T>>(offsets, zero == 2 ? slices.size() : store.size());
}
}  // namespace

template <class T>
model::ParameterShard DataParallel<T>::owned(const model::ParameterStore<T>& store, int zero,
                                             const parallel::Communicator& dp) {
  return zero == 0 ? model::ParameterShard(store, 0, 1) : model::ParameterShard(store, dp.rank(), dp.size());
}

template <class T>
DataParallel<T>::DataParallel(const model::LlamaConfig& config, model::ParameterStore<T>& store, const LeafPlan& leaves,
                              int zero, const parallel::ProcessGrid& grid, bool splits_tokens)
    : adapters_(store.adapters() != nullptr),
      buckets_(config, adapters_),
      store_(model::trained_store(store)),
      leaves_(leaves),
      zero_(zero),
      grid_(grid),
      splits_tokens_(splits_tokens),
      slices_(store_, grid.dp->rank(), grid.dp->size()),
      leaf_sums_(make_leaf_sums(store_, slices_, zero)),
      gathers_(store_.buckets().size()) {
  using model::GradientMemory;
  RECPO_REQUIRE(store_.gradient_memory() == (zero == 2 ? GradientMemory::kTwoLayers : GradientMemory::kWhole));
  RECPO_REQUIRE(leaves.leaves_at_once == (zero == 2));
  if (zero == 2) sum_ = PlannedVector<Gradient>("recpo::data_parallel::gradient_slices", slices_.size());
}

template <class T>
void DataParallel<T>::begin_leaf(const ExecSpace& exec, int round, int slot) {
  exec_ = exec;
  round_ = round;
  slot_ = slot;
  if (zero_ != 2)
    Kokkos::deep_copy(exec_, store_.gradients(), Gradient(0));  // otherwise as a pass comes to each bucket
}

template <class T>
void DataParallel<T>::skip_leaf() {
  for (std::size_t b = 0; b < store_.buckets().size(); ++b) {
    before_backward(b);
    after_backward(b);
  }
}

template <class T>
void DataParallel<T>::before_forward(std::size_t bucket) {
  make_progress();
  if (gathers_[bucket]) grid_.dp->wait(exec_, *gathers_[bucket]);
  gathers_[bucket].reset();
}

template <class T>
void DataParallel<T>::before_backward(std::size_t bucket) {
  make_progress();
  if (zero_ != 2) return;
  const Gradient* memory = store_.bucket_gradients(bucket).data();
  const auto shares_memory = [&] {
    for (const Travelling& t : travelling_) {
      if (store_.bucket_gradients(t.bucket).data() == memory) return true;
    }
    return false;
  };
  while (shares_memory()) land_oldest();
  Kokkos::deep_copy(exec_, store_.bucket_gradients(bucket), Gradient(0));
}

template <class T>
void DataParallel<T>::after_backward(std::size_t bucket) {
  make_progress();
  const bool last = slot_ + 1 == leaves_.own();
  const Vector<Gradient> partial = partial_gradients(bucket);
  if (partial.extent(0) > 0) grid_.tp->all_reduce_sum(exec_, partial);
  if (zero_ == 2) return send(bucket);
  leaf_sums_.add(exec_, bucket, store_.bucket_gradients(bucket), last);
  if (last) send(bucket);
}

// What this shard has only its part of.
template <class T>
Vector<Accumulate<T>> DataParallel<T>::partial_gradients(std::size_t bucket) const {
  const model::Bucket& place = store_.buckets()[bucket];
  if (!place.replicated) return {};
  const Vector<Gradient> all = store_.bucket_gradients(bucket);
  if (adapters_) return all;
  if (!splits_tokens_) return {};
  // Of the block norms every shard has its tokens' part; the final norm, the last of the bucket, is whole on all.
  return Vector<Gradient>(all.data(), store_.parameters().back().offset - place.begin);
}

template <class T>
void DataParallel<T>::send(std::size_t bucket) {
  travelling_.push_back({bucket, round_ == 0, slot_ + 1 == leaves_.own(),
                         grid_.dp->start_reduce_scatter_sum(exec_, store_.bucket_gradients(bucket))});
  while (travelling_.size() > kMostTravelling) land_oldest();
}

template <class T>
void DataParallel<T>::land_oldest() {
  Travelling arrived = std::move(travelling_.front());
  travelling_.pop_front();
  grid_.dp->wait(exec_, *arrived.pending);
  if (zero_ != 2) return;
  const std::size_t b = arrived.bucket;
  const Vector<Gradient> slice = own_slice(store_.bucket_gradients(b), b);
  leaf_sums_.add(exec_, b, slice, arrived.last_of_round);
  if (!arrived.last_of_round) return;
  const Vector<Gradient> sum = sum_.part(slices_.slice(b).shard_offset, slices_.slice(b).size());
  if (arrived.first_round) {
    Kokkos::deep_copy(exec_, sum, slice);
  } else {
    kernels::add<Gradient>(exec_, slice, sum);
  }
}

template <class T>
void DataParallel<T>::make_progress() {
  for (const Travelling& t : travelling_) t.pending->progress();
  for (const auto& gather : gathers_) {
    if (gather) gather->progress();
  }
}

template <class T>
Vector<Accumulate<T>> DataParallel<T>::own_slice(const Vector<Gradient>& bucket_values, std::size_t bucket) const {
  const model::ParameterShard::Slice& slice = slices_.slice(bucket);
  return Vector<Gradient>(bucket_values.data() + slice.begin, slice.size());
}

template <class T>
void DataParallel<T>::finish_gradients() {
  while (!travelling_.empty()) land_oldest();
  if (zero_ != 0) return;
  for (std::size_t b = 0; b < store_.buckets().size(); ++b) {
    gathers_[b] = grid_.dp->start_all_gather(exec_, store_.bucket_gradients(b));
    if (b > 0) before_forward(b - 1);
  }
  settle();
}

template <class T>
double DataParallel<T>::gradient_norm() const {
  optim::SliceGradients<T> own;
  for (std::size_t b = 0; b < store_.buckets().size(); ++b) {
    const model::ParameterShard::Slice& slice = slices_.slice(b);
    own.push_back(zero_ == 2 ? sum_.part(slice.shard_offset, slice.size()) : own_slice(store_.bucket_gradients(b), b));
  }
  return optim::gradient_norm<T>(exec_, store_, slices_, own, *grid_.dp, *grid_.tp);
}

template <class T>
void DataParallel<T>::update(optim::AdamW<T>& optimizer, double lr, double norm) {
  optimizer.begin_step(lr, norm);
  // In the order in which the next forward pass asks for them: it begins with the norms, which come last in the store.
  for (std::size_t i = 0; i < store_.buckets().size(); ++i) {
    const std::size_t b = adapters_ ? i : i == 0 ? buckets_.norms : i - 1;
    const model::ParameterShard::Slice& slice = slices_.slice(b);
    const Vector<Gradient> whole = store_.bucket_gradients(b);
    if (zero_ == 0) {
      optimizer.update_bucket(exec_, b, whole);
      continue;
    }
    const Vector<Gradient> own = zero_ == 2 ? sum_.part(slice.shard_offset, slice.size()) : own_slice(whole, b);
    optimizer.update_bucket(exec_, b, own);
    gathers_[b] = grid_.dp->start_all_gather(exec_, store_.bucket_weights(b));
    make_progress();
  }
}

template <class T>
void DataParallel<T>::settle() {
  for (std::size_t b = 0; b < gathers_.size(); ++b) before_forward(b);
}

#define RECPO_INSTANTIATE(T) template class DataParallel<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::train
