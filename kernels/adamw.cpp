#include "kernels/adamw.hpp"

#include <cmath>

#include "kernels/row.hpp"

namespace recpo::kernels {
namespace {

// SplitMix64's finalizer (Steele, Lea, Flood 2014).
KOKKOS_INLINE_FUNCTION std::uint64_t mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

template <class Real>
KOKKOS_INLINE_FUNCTION Real load(Real stored) {
  return stored;
}
KOKKOS_INLINE_FUNCTION float load(Bfloat16 stored) { return stored; }

template <class Real>
KOKKOS_INLINE_FUNCTION void store(Real& place, Real value, std::uint64_t) {
  place = value;
}
template <class Real>
KOKKOS_INLINE_FUNCTION void store(Bfloat16& place, Real value, std::uint64_t random) {
  place = round_stochastically(static_cast<float>(value), static_cast<std::uint32_t>(random));
}

}  // namespace

template <class T, class M>
void adamw_step(const ExecSpace& exec, const AdamWCoefficients& coefficients, Vector<const T> gradient, Vector<M> m,
                Vector<M> v, Vector<T> weight) {
  using Real = T;
  constexpr bool kRounds = std::is_same_v<M, Bfloat16>;
  const AdamWCoefficients& c = coefficients;
  // Formed in double and rounded once: 1 - beta2^t at t = 1 would lose four digits in float.
  const Real decay = c.lr * c.weight_decay, scale = c.gradient_scale, eps = c.eps, l2 = c.l2;
  const Real beta1 = c.beta1, one_minus_beta1 = 1 - c.beta1, beta2 = c.beta2, one_minus_beta2 = 1 - c.beta2;
  const Real rate = c.lr / (1 - std::pow(c.beta1, c.step));
  const Real root_correction = 1 / std::sqrt(1 - std::pow(c.beta2, c.step));
  const std::uint64_t key = mix(c.rounding_key + mix(static_cast<std::uint64_t>(c.step)));
  const std::int64_t first = c.first_element;
  const T* gradient_data = gradient.data();
  M *m_data = m.data(), *v_data = v.data();
  T* weight_data = weight.data();
  for_each_element(
      exec, "recpo::adamw::step", weight.extent(0), KOKKOS_LAMBDA(std::int64_t i) {
        const Real w = weight_data[i];
        const Real g = scale * gradient_data[i] + l2 * w;
        const Real m_new = beta1 * static_cast<Real>(load(m_data[i])) + one_minus_beta1 * g;
        const Real v_new = beta2 * static_cast<Real>(load(v_data[i])) + one_minus_beta2 * g * g;
        const std::uint64_t random = kRounds ? mix(key + static_cast<std::uint64_t>(first + i)) : 0;
        store(m_data[i], m_new, random);
        store(v_data[i], v_new, random >> 32);
        weight_data[i] = w - decay * w - rate * m_new / (Kokkos::sqrt(v_new) * root_correction + eps);
      });
}

#define RECPO_INSTANTIATE(T)                                                                                           \
  template void adamw_step<T, T>(const ExecSpace&, const AdamWCoefficients&, Vector<const T>, Vector<T>, Vector<T>,    \
                                 Vector<T>);                                                                           \
  template void adamw_step<T, Bfloat16>(const ExecSpace&, const AdamWCoefficients&, Vector<const T>, Vector<Bfloat16>, \
                                        Vector<Bfloat16>, Vector<T>);
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
