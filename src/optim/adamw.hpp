#pragma once
// AdamW over the part of a parameter store that this rank owns (all of it, or a ZeRO slice of each bucket), with
// global-norm clipping. Owns the moments, in shard storage, and where weights are stored in less than Accumulate<T> the
// master weights: the ones that are updated, of which the store's are the rounded copy. Not collective.

#include <span>
#include <type_traits>
#include <vector>

#include "src/model/parameter_shard.hpp"
#include "src/model/parameter_store.hpp"
#include "src/support/bfloat16.hpp"

namespace recpo::optim {

struct OptimizerOptions {
  double lr = 1e-5, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.0;
  std::string schedule = "cosine";  // cosine | constant
  double warmup_fraction = 0.05, clip = 1.0;
  std::string moments = "fp32";  // fp32 (the precision of the weights) | bf16
  bool has_short_moments() const { return moments == "bf16"; }
};

// Transformers' get_cosine_schedule_with_warmup (half a cosine to 0): factor of lr for optimizer step `step` (from 0);
// warm-up steps = ceil(warmup_fraction * total_steps), so the first rate is 0 when there is a warm-up.
double schedule_factor(const OptimizerOptions& options, std::int64_t step, std::int64_t total_steps);

// The gradient of each bucket's owned slice. Views of memory owned elsewhere.
template <class T>
using SliceGradients = std::vector<Vector<Accumulate<T>>>;

// Those inside the store's own gradient memory.
template <class T>
SliceGradients<T> slice_gradients(const model::ParameterStore<T>& store, const model::ParameterShard& shard);

// What the optimizer keeps of each element of its shard beside the weight itself.
enum class State : std::uint8_t { kFirstMoment, kSecondMoment, kMaster };

template <class T>
class AdamW {
 public:
  using Real = Accumulate<T>;
  static constexpr bool kHasMaster = !std::is_same_v<T, Real>;

  // Master weights begin as the store's.
  AdamW(const OptimizerOptions& options, model::ParameterStore<T>& store, const model::ParameterShard& shard);
  AdamW(const OptimizerOptions& options, model::ParameterStore<T>& store)
      : AdamW(options, store, model::ParameterShard(store, 0, 1)) {}

  // One update at rate lr with gradients of this norm (clipped to options.clip): begin_step, then every bucket once.
  void begin_step(double lr, double gradient_norm);
  void update_bucket(const ExecSpace& exec, std::size_t bucket, Vector<const Real> gradient);
  void step(const ExecSpace& exec, double lr, double gradient_norm, const SliceGradients<T>& gradients);

  const model::ParameterStore<T>& store() const { return store_; }
  const model::ParameterShard& shard() const { return shard_; }
  std::int64_t steps_done() const { return steps_done_; }
  void set_steps_done(std::int64_t steps) { steps_done_ = steps; }
  static std::int64_t bytes_of_moment(const OptimizerOptions& options) {  // of one element
    return static_cast<std::int64_t>(options.has_short_moments() ? sizeof(Bfloat16) : sizeof(Real));
  }
  std::int64_t moment_bytes() const { return 2 * shard_.size() * bytes_of_moment(options_); }
  std::int64_t master_bytes() const { return master_.bytes(); }
  bool has_short_moments() const { return options_.has_short_moments(); }

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
  PlannedVector<Real> moments_[2];            // either these
  PlannedVector<Bfloat16> short_moments_[2];  // or these
  PlannedVector<Real> master_;                // with kHasMaster
  std::int64_t steps_done_ = 0;
  double lr_ = 0, gradient_scale_ = 1;
};

}  // namespace recpo::optim
