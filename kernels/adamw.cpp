#include "kernels/adamw.hpp"

#include <cmath>

#include "kernels/row.hpp"

namespace recpo::kernels {

template <class T>
void adamw_step(const ExecSpace& exec, const AdamWCoefficients& coefficients, Vector<const T> gradient, Vector<T> m,
                Vector<T> v, Vector<T> weight) {
  using Real = Accumulate<T>;
  const AdamWCoefficients& c = coefficients;
  // Formed in double and rounded once: 1 - beta2^t at t = 1 would lose four digits in float.
  const Real decay = c.lr * c.weight_decay, scale = c.gradient_scale, eps = c.eps;
  const Real beta1 = c.beta1, one_minus_beta1 = 1 - c.beta1, beta2 = c.beta2, one_minus_beta2 = 1 - c.beta2;
  const Real rate = c.lr / (1 - std::pow(c.beta1, c.step));
  const Real root_correction = 1 / std::sqrt(1 - std::pow(c.beta2, c.step));
  const T* gradient_data = gradient.data();
  T *m_data = m.data(), *v_data = v.data(), *weight_data = weight.data();
  for_each_element(
      exec, "recpo::adamw::step", weight.extent(0), KOKKOS_LAMBDA(std::int64_t i) {
        const Real g = scale * gradient_data[i];
        const Real m_new = beta1 * m_data[i] + one_minus_beta1 * g;
        const Real v_new = beta2 * v_data[i] + one_minus_beta2 * g * g;
        const Real w = weight_data[i];
        m_data[i] = m_new;
        v_data[i] = v_new;
        weight_data[i] = w - decay * w - rate * m_new / (Kokkos::sqrt(v_new) * root_correction + eps);
      });
}

#define RECPO_INSTANTIATE(T)                                                                                     \
  template void adamw_step<T>(const ExecSpace&, const AdamWCoefficients&, Vector<const T>, Vector<T>, Vector<T>, \
                              Vector<T>);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
