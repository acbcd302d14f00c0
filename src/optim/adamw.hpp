#pragma once
// AdamW over the part of a parameter store that this rank owns (all of it, or a ZeRO shard of each bucket), with
// global-norm clipping. Owns the moments, in shard storage, and where weights are stored in less than Accumulate<T> the
// master weights: the ones that are updated, of which the store's are the rounded copy. Not collective.

#include <span>
#include <type_traits>
#include <vector>

#include "src/model/parameter_store.hpp"
#include "src/optim/options.hpp"
#include "src/parallel/communicator.hpp"
#include "src/support/bfloat16.hpp"

namespace recpo::optim {

// The gradient of each bucket's owned shard. Views of memory owned elsewhere.
template <class T>
using ShardGradients = std::vector<Vector<Accumulate<T>>>;

// Those inside the store's own gradient memory.
template <class T>
ShardGradients<T> shard_gradients(const model::ParameterStore<T>& store, const model::ParameterShard& shard);

// Optimizer state of each element of the shard.
enum class State : std::uint8_t { kFirstMoment, kSecondMoment, kMaster };

template <class T>
class AdamW {
 public:
  using Real = Accumulate<T>;
  static constexpr bool kHasMaster = !std::is_same_v<T, Real>;

  // Master weights begin as the store's.
  AdamW(const OptimizerOptions& options, model::ParameterStore<T>& store, const model::ParameterShard& shard);
  AdamW(const OptimizerOptions& options, model::ParameterStore<T>& store)
      : AdamW(options, store, model::ParameterShard(store.layout(), 0, 1)) {}

  // One update at rate lr with gradients of this norm (clipped to options.clip): begin_step, then every bucket once.
  void begin_step(double lr, double gradient_norm);
  void update_bucket(const ExecSpace& exec, std::size_t bucket, Vector<const Real> gradient);
  void step(const ExecSpace& exec, double lr, double gradient_norm, const ShardGradients<T>& gradients);

  const model::ParameterStore<T>& store() const { return store_; }
  const model::ParameterShard& shard() const { return shard_; }
  std::int64_t steps_done() const { return steps_done_; }
  void set_steps_done(std::int64_t steps) { steps_done_ = steps; }
  static std::int64_t bytes_of_moment(const OptimizerOptions& options) {  // of one element
    return static_cast<std::int64_t>(options.has_bf16_moments() ? sizeof(Bfloat16) : sizeof(Real));
  }
  std::int64_t moment_bytes() const { return 2 * shard_.size() * bytes_of_moment(options_); }
  std::int64_t master_bytes() const { return master_.bytes(); }
  bool has_bf16_moments() const { return options_.has_bf16_moments(); }

  // States by place in shard storage, whatever they are stored as; host memory.
  void read_state(State state, std::int64_t begin, std::span<Real> values) const;
  void write_state(State state, std::int64_t begin, std::span<const Real> values);
  // Master weights as the store's weights are.
  void reset_master();

 private:
  template <class Visit>
  decltype(auto) visit_state(State state, const Visit& visit) const;
  OptimizerOptions options_;
  model::ParameterStore<T>& store_;
  const model::ParameterShard shard_;
  PoolVector<Real> moments_[2];           // either these
  PoolVector<Bfloat16> bf16_moments_[2];  // or these
  PoolVector<Real> master_;               // with kHasMaster
  std::int64_t steps_done_ = 0;
  double lr_ = 0, gradient_scale_ = 1;
};

// The global norm of gradients that are spread over ranks: every element counts once, those of norms (the same on all
// tensor-parallel shards) on shard 0. Summed in double over the chunks of parameter_layout.hpp in a fixed order, so the
// bits are those of one rank for 2, 4, .., 64 data-parallel ranks.

// Collective over dp and tp. `gradients` are those of `shard`, whose ranks are those of dp.
template <class T>
double gradient_norm(const ExecSpace& exec, const model::ParameterStore<T>& store, const model::ParameterShard& shard,
                     const ShardGradients<T>& gradients, parallel::Communicator& dp, parallel::Communicator& tp);

}  // namespace recpo::optim
