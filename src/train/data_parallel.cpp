#include "src/train/data_parallel.hpp"

#include "kernels/reductions.hpp"
#include "src/optim/adamw.hpp"
#include "src/support/check.hpp"

namespace recpo::train {
namespace {
// Buckets in flight: enough to overlap, and a bound for the memory of messages.
constexpr std::size_t kMaxInFlight = 2;

// Between leaves ZeRO 0 and 1 put whole buckets aside, ZeRO 2 the own shard.
template <class T>
LeafSums<Accumulate<T>> make_leaf_sums(const model::ParameterStore<T>& store, const model::ParameterShard& shard,
                                       int zero) {
  std::vector<std::int64_t> offsets;
  for (std::size_t b = 0; b < store.buckets().size(); ++b) {
    offsets.push_back(zero == 2 ? shard.of_bucket(b).shard_offset : store.buckets()[b].begin);
  }
  return LeafSums<Accumulate<T>>(offsets, zero == 2 ? shard.size() : store.size());
}
}  // namespace

template <class T>
model::ParameterShard DataParallel<T>::owned(const model::ParameterStore<T>& store, int zero,
                                             const parallel::Communicator& dp) {
  return zero == 0 ? model::ParameterShard(store.layout(), 0, 1)
                   : model::ParameterShard(store.layout(), dp.rank(), dp.size());
}

template <class T>
DataParallel<T>::DataParallel(model::ParameterStore<T>& store, const LeafPlan& leaves, int zero,
                              const parallel::ProcessGrid& grid, bool sequence_parallel)
    : store_(model::trained_store(store)),
      leaves_(leaves),
      zero_(zero),
      grid_(grid),
      sequence_parallel_(sequence_parallel),
      shard_(store_.layout(), grid.dp->rank(), grid.dp->size()),
      leaf_sums_(make_leaf_sums(store_, shard_, zero)),
      gathers_(store_.buckets().size()) {
  using model::GradientMemory;
  RECPO_REQUIRE(store_.gradient_memory() == (zero == 2 ? GradientMemory::kTwoLayers : GradientMemory::kWhole));
  RECPO_REQUIRE(leaves.leaves_at_once == (zero == 2));
  if (zero == 2) sum_ = PoolVector<Gradient>("recpo::data_parallel::gradient_shard", shard_.size());
}

template <class T>
void DataParallel<T>::begin_leaf(const ExecSpace& exec, int round, int own_leaf) {
  exec_ = exec;
  round_ = round;
  own_leaf_ = own_leaf;
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
    for (const InFlight& t : in_flight_) {
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
  const bool last = own_leaf_ + 1 == leaves_.own();
  for (const auto& range : store_.layout().partial_gradients(bucket, sequence_parallel_)) {
    Gradient* const gradients = store_.bucket_gradients(bucket).data();
    grid_.tp->all_reduce_sum(exec_, Vector<Gradient>(gradients + range.begin, range.size()));
  }
  if (zero_ == 2) return send(bucket);
  leaf_sums_.add(exec_, bucket, store_.bucket_gradients(bucket), last);
  if (last) send(bucket);
}

template <class T>
void DataParallel<T>::send(std::size_t bucket) {
  in_flight_.push_back({bucket, round_ == 0, own_leaf_ + 1 == leaves_.own(),
                        grid_.dp->start_reduce_scatter_sum(exec_, store_.bucket_gradients(bucket))});
  while (in_flight_.size() > kMaxInFlight) land_oldest();
}

template <class T>
void DataParallel<T>::land_oldest() {
  InFlight arrived = std::move(in_flight_.front());
  in_flight_.pop_front();
  grid_.dp->wait(exec_, *arrived.pending);
  if (zero_ != 2) return;
  const std::size_t b = arrived.bucket;
  const Vector<Gradient> shard = own_shard(b), sum = own_gradient(b);
  leaf_sums_.add(exec_, b, shard, arrived.last_of_round);
  if (!arrived.last_of_round) return;
  if (arrived.first_round) {
    Kokkos::deep_copy(exec_, sum, shard);
  } else {
    kernels::add<Gradient>(exec_, shard, sum);
  }
}

template <class T>
void DataParallel<T>::make_progress() {
  for (const InFlight& t : in_flight_) t.pending->progress();
  for (const auto& gather : gathers_) {
    if (gather) gather->progress();
  }
}

template <class T>
Vector<Accumulate<T>> DataParallel<T>::own_shard(std::size_t bucket) const {
  const model::BucketShard& place = shard_.of_bucket(bucket);
  return Vector<Gradient>(store_.bucket_gradients(bucket).data() + place.begin, place.size());
}

template <class T>
Vector<Accumulate<T>> DataParallel<T>::own_gradient(std::size_t bucket) const {
  const model::BucketShard& place = shard_.of_bucket(bucket);
  return zero_ == 2 ? sum_.part(place.shard_offset, place.size()) : own_shard(bucket);
}

template <class T>
void DataParallel<T>::finish_gradients() {
  while (!in_flight_.empty()) land_oldest();
  if (zero_ != 0) return;
  for (std::size_t b = 0; b < store_.buckets().size(); ++b) {
    gathers_[b] = grid_.dp->start_all_gather(exec_, store_.bucket_gradients(b));
    if (b > 0) before_forward(b - 1);
  }
  settle();
}

template <class T>
double DataParallel<T>::gradient_norm() const {
  optim::ShardGradients<T> own;
  for (std::size_t b = 0; b < store_.buckets().size(); ++b) own.push_back(own_gradient(b));
  return optim::gradient_norm<T>(exec_, store_, shard_, own, *grid_.dp, *grid_.tp);
}

template <class T>
void DataParallel<T>::update(optim::AdamW<T>& optimizer, double lr, double norm) {
  optimizer.begin_step(lr, norm);
  // In the order in which the next forward pass asks for them: it begins with the norms, which come last in the store.
  std::vector<std::size_t> order;
  for (const bool norms : {true, false}) {
    for (std::size_t b = 0; b < store_.buckets().size(); ++b) {
      if ((store_.buckets()[b].role == model::Role::kNorm) == norms) order.push_back(b);
    }
  }
  for (const std::size_t b : order) {
    if (zero_ == 0) {
      optimizer.update_bucket(exec_, b, store_.bucket_gradients(b));
      continue;
    }
    optimizer.update_bucket(exec_, b, own_gradient(b));
    gathers_[b] = grid_.dp->start_all_gather(exec_, store_.bucket_weights(b));
    make_progress();
  }
}

template <class T>
void DataParallel<T>::settle() {
  for (std::size_t b = 0; b < gathers_.size(); ++b) before_forward(b);
}

RECPO_INSTANTIATE_STORAGE_CLASS(DataParallel);

}  // namespace recpo::train
