#pragma once
// AdamW over a parameter store, with global-norm clipping. Owns the moments: one allocation each, laid out like the
// weights.

#include "src/model/parameter_store.hpp"

namespace recpo::optim {

struct OptimizerOptions {
  double lr = 1e-5, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.0;
  std::string schedule = "cosine";  // cosine | constant
  double warmup_fraction = 0.05, clip = 1.0;
  std::string moments = "fp32";
};

// Transformers' get_cosine_schedule_with_warmup (half a cosine to 0): factor of lr for optimizer step `step` (from 0);
// warm-up steps = ceil(warmup_fraction * total_steps), so the first rate is 0 when there is a warm-up.
double schedule_factor(const OptimizerOptions& options, std::int64_t step, std::int64_t total_steps);

template <class T>
class AdamW {
 public:
  AdamW(const OptimizerOptions& options, model::ParameterStore<T>& store);

  // Norm of the gradients in double, in a fixed order.
  double gradient_norm(const ExecSpace& exec) const;
  // One update with the gradients in the store (clipped to options.clip given their norm), at rate lr.
  void step(const ExecSpace& exec, double lr, double gradient_norm);

  const model::ParameterStore<T>& store() const { return store_; }
  std::int64_t steps_done() const { return steps_done_; }
  void set_steps_done(std::int64_t steps) { steps_done_ = steps; }
  Vector<T> first_moment() const { return first_; }  // [store.size()]
  Vector<T> second_moment() const { return second_; }

 private:
  OptimizerOptions options_;
  model::ParameterStore<T>& store_;
  OwnedVector<T> first_, second_;
  OwnedVector<double> norm_partials_;
  std::int64_t steps_done_ = 0;
};

}  // namespace recpo::optim
