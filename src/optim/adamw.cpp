#include "src/optim/adamw.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/adamw.hpp"
#include "kernels/reductions.hpp"
#include "src/support/check.hpp"

namespace recpo::optim {
namespace {
constexpr const char* kLabels[] = {"recpo::adamw::first_moment", "recpo::adamw::second_moment"};

template <class V>
V part(const V& whole, std::int64_t begin, std::int64_t size) {
  return V(whole.data() + begin, size);
}
}  // namespace

double schedule_factor(const OptimizerOptions& options, std::int64_t step, std::int64_t total_steps) {
  const auto warmup = static_cast<std::int64_t>(std::ceil(options.warmup_fraction * static_cast<double>(total_steps)));
  if (step < warmup) return static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(1, warmup));
  if (options.schedule == Schedule::kConstant) return 1.0;
  const double progress =
      static_cast<double>(step - warmup) / static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup));
  return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
}

template <class T>
ShardGradients<T> shard_gradients(const model::ParameterStore<T>& store, const model::ParameterShard& shard) {
  ShardGradients<T> gradients;
  for (std::size_t b = 0; b < store.buckets().size(); ++b) {
    gradients.push_back(part(store.bucket_gradients(b), shard.of_bucket(b).begin, shard.of_bucket(b).size()));
  }
  return gradients;
}

template <class T>
AdamW<T>::AdamW(const OptimizerOptions& options, model::ParameterStore<T>& store, const model::ParameterShard& shard)
    : options_(options), store_(store), shard_(shard) {
  for (int i = 0; i < 2; ++i) {
    if (has_bf16_moments()) {
      bf16_moments_[i] = PoolVector<Bfloat16>(kLabels[i], shard_.size());
    } else {
      moments_[i] = PoolVector<Real>(kLabels[i], shard_.size());
    }
  }
  if (kHasMaster) master_ = PoolVector<Real>("recpo::adamw::master", shard_.size());
  reset_master();
}

template <class T>
void AdamW<T>::reset_master() {
  if constexpr (kHasMaster) {
    const ExecSpace exec;
    for (const model::ShardPart& piece : shard_.parts()) {
      kernels::convert<T, Real>(exec, part(store_.weights(), piece.store_offset, piece.size()),
                                master_.part(piece.shard_offset, piece.size()));
    }
    exec.fence("recpo::adamw::reset_master");
  }
}

template <class T>
void AdamW<T>::begin_step(double lr, double gradient_norm) {
  ++steps_done_;
  lr_ = lr;
  // torch.nn.utils.clip_grad_norm_: the factor max_norm / (norm + 1e-6), at most 1.
  gradient_scale_ = options_.clip > 0 ? std::min(1.0, options_.clip / (gradient_norm + 1e-6)) : 1.0;
}

template <class T>
void AdamW<T>::update_bucket(const ExecSpace& exec, std::size_t bucket, Vector<const Real> gradient) {
  kernels::AdamWCoefficients coefficients{lr_, options_.beta1, options_.beta2, options_.eps,
                                          0.0, steps_done_,    gradient_scale_};
  for (const model::ShardPart& piece : shard_.parts()) {
    const model::Parameter& parameter = store_.parameters()[piece.parameter];
    if (static_cast<std::size_t>(parameter.bucket) != bucket) continue;
    coefficients.weight_decay = parameter.decays() ? options_.weight_decay : 0.0;
    coefficients.rounding_key = piece.parameter;
    coefficients.first_element = piece.begin;
    const Vector<T> stored = part(store_.weights(), piece.store_offset, piece.size());
    const Vector<Real> weight = [&] {
      if constexpr (kHasMaster)
        return master_.part(piece.shard_offset, piece.size());
      else
        return stored;
    }();
    const Vector<Bfloat16> rounded = [&] {
      if constexpr (kHasMaster)
        return stored;
      else
        return Vector<Bfloat16>();
    }();
    const auto own_gradient = part(gradient, piece.shard_offset - shard_.of_bucket(bucket).shard_offset, piece.size());
    const auto update = [&](auto& moments) {
      kernels::adamw_step(exec, coefficients, own_gradient, moments[0].part(piece.shard_offset, piece.size()),
                          moments[1].part(piece.shard_offset, piece.size()), weight, rounded);
    };
    has_bf16_moments() ? update(bf16_moments_) : update(moments_);
  }
}

template <class T>
void AdamW<T>::step(const ExecSpace& exec, double lr, double gradient_norm, const ShardGradients<T>& gradients) {
  begin_step(lr, gradient_norm);
  for (std::size_t b = 0; b < gradients.size(); ++b) update_bucket(exec, b, gradients[b]);
}

// visit(elements of the state in shard storage)
template <class T>
template <class Visit>
decltype(auto) AdamW<T>::visit_state(State state, const Visit& visit) const {
  if (state == State::kMaster) return visit(master_);
  const auto i = static_cast<std::size_t>(state);
  return has_bf16_moments() ? visit(bf16_moments_[i]) : visit(moments_[i]);
}

template <class T>
void AdamW<T>::read_state(State state, std::int64_t begin, std::span<Real> values) const {
  visit_state(state, [&]<class Stored>(const PoolVector<Stored>& elements) {
    const auto n = static_cast<std::int64_t>(values.size());
    std::vector<Stored> stored(values.size());
    Kokkos::deep_copy(HostVector<Stored>(stored.data(), n), elements.part(begin, n));
    std::transform(stored.begin(), stored.end(), values.begin(), [](Stored x) { return static_cast<Real>(x); });
  });
}

// Values that the state's type holds stay as they are; those of a wider checkpoint lose their lower bits.
template <class T>
void AdamW<T>::write_state(State state, std::int64_t begin, std::span<const Real> values) {
  visit_state(state, [&]<class Stored>(const PoolVector<Stored>& elements) {
    const auto n = static_cast<std::int64_t>(values.size());
    std::vector<Stored> stored(values.size());
    std::transform(values.begin(), values.end(), stored.begin(), [](Real x) { return static_cast<Stored>(x); });
    Kokkos::deep_copy(elements.part(begin, n), HostVector<const Stored>(stored.data(), n));
  });
}

RECPO_INSTANTIATE_STORAGE(shard_gradients);
RECPO_INSTANTIATE_STORAGE_CLASS(AdamW);

template <class T>
double gradient_norm(const ExecSpace& exec, const model::ParameterStore<T>& store, const model::ParameterShard& shard,
                     const ShardGradients<T>& gradients, parallel::Communicator& dp, parallel::Communicator& tp) {
  const auto buckets = static_cast<std::int64_t>(gradients.size());
  const OwnedVector<double> partials("recpo::adamw::partials", buckets * shard.chunks());
  for (std::int64_t b = 0; b < buckets; ++b) {
    const model::Bucket& bucket = store.buckets()[static_cast<std::size_t>(b)];
    if (bucket.replicated && tp.rank() != 0) continue;
    const std::int64_t chunk = bucket.size() / shard.chunks();
    const std::int64_t first = shard.of_bucket(static_cast<std::size_t>(b)).begin / chunk;
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

RECPO_INSTANTIATE_STORAGE(gradient_norm);

}  // namespace recpo::optim
