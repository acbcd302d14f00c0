#include "src/optim/adamw.hpp"

#include <cmath>
#include <numbers>

#include "kernels/adamw.hpp"
#include "kernels/reductions.hpp"
#include "src/support/check.hpp"

namespace recpo::optim {

double schedule_factor(const OptimizerOptions& options, std::int64_t step, std::int64_t total_steps) {
  const auto warmup = static_cast<std::int64_t>(std::ceil(options.warmup_fraction * static_cast<double>(total_steps)));
  if (step < warmup) return static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(1, warmup));
  if (options.schedule == "constant") return 1.0;
  const double progress =
      static_cast<double>(step - warmup) / static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup));
  return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
}

template <class T>
AdamW<T>::AdamW(const OptimizerOptions& options, model::ParameterStore<T>& store)
    : options_(options),
      store_(store),
      first_("recpo::adamw::first_moment", store.size()),
      second_("recpo::adamw::second_moment", store.size()),
      norm_partials_("recpo::adamw::norm_partials", kernels::norm_chunks(store.size())) {}

template <class T>
double AdamW<T>::gradient_norm(const ExecSpace& exec) const {
  kernels::square_sum_chunks<T>(exec, store_.gradients(), norm_partials_);
  auto partials = Kokkos::create_mirror_view_and_copy(HostSpace{}, norm_partials_);
  double sum = 0;
  for (std::size_t i = 0; i < partials.extent(0); ++i) sum += partials(i);
  return std::sqrt(sum);
}

template <class T>
void AdamW<T>::step(const ExecSpace& exec, double lr, double gradient_norm) {
  kernels::AdamWCoefficients coefficients{lr, options_.beta1, options_.beta2, options_.eps, 0.0, ++steps_done_, 1.0};
  // torch.nn.utils.clip_grad_norm_: the factor max_norm / (norm + 1e-6), at most 1.
  if (options_.clip > 0) coefficients.gradient_scale = std::min(1.0, options_.clip / (gradient_norm + 1e-6));
  for (const model::Parameter& parameter : store_.parameters()) {
    coefficients.weight_decay = parameter.decay ? options_.weight_decay : 0.0;
    const auto slice = [&](Vector<T> whole) { return Vector<T>(whole.data() + parameter.offset, parameter.size()); };
    kernels::adamw_step<T>(exec, coefficients, slice(store_.gradients()), slice(first_), slice(second_),
                           slice(store_.weights()));
  }
}

#define RECPO_INSTANTIATE(T) template class AdamW<T>;
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::optim
