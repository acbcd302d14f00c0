#include "kernels/adamw.hpp"

#include <cmath>

#include "kernels/row.hpp"
#include "src/support/random.hpp"

namespace recpo::kernels {
namespace {

// Moments to memory. In less than the type of sums they are rounded by bits that depend on the element alone.
template <class Real, class Index, class Value>
KOKKOS_INLINE_FUNCTION void store_moments(Real* m, Real* v, Index i, const Value& m_new, const Value& v_new,
                                          std::uint64_t, std::int64_t) {
  store(m, i, m_new);
  store(v, i, v_new);
}
template <class Real>
KOKKOS_INLINE_FUNCTION void store_moments(Bfloat16* m, Bfloat16* v, std::int64_t i, Real m_new, Real v_new,
                                          std::uint64_t key, std::int64_t first) {
  const std::uint64_t random = mix_bits(key + static_cast<std::uint64_t>(first + i));
  m[i] = round_stochastically(static_cast<float>(m_new), static_cast<std::uint32_t>(random));
  v[i] = round_stochastically(static_cast<float>(v_new), static_cast<std::uint32_t>(random >> 32));
}
template <class Real, int N>
KOKKOS_INLINE_FUNCTION void store_moments(Bfloat16* m, Bfloat16* v, Pack<N> i, const Lanes<Real, N>& m_new,
                                          const Lanes<Real, N>& v_new, std::uint64_t key, std::int64_t first) {
  detail::Memory<Bfloat16, N> m_memory, v_memory;
  for (int k = 0; k < N; ++k) {
    const std::uint64_t random = mix_bits(key + static_cast<std::uint64_t>(first + i.first + k));
    m_memory.element[k] = round_stochastically(static_cast<float>(m_new.lane[k]), static_cast<std::uint32_t>(random));
    v_memory.element[k] =
        round_stochastically(static_cast<float>(v_new.lane[k]), static_cast<std::uint32_t>(random >> 32));
  }
  *reinterpret_cast<detail::Memory<Bfloat16, N>*>(m + i.first) = m_memory;
  *reinterpret_cast<detail::Memory<Bfloat16, N>*>(v + i.first) = v_memory;
}

}  // namespace

template <class T, class M>
void adamw_step(const ExecSpace& exec, const AdamWCoefficients& coefficients, Vector<const T> gradient, Vector<M> m,
                Vector<M> v, Vector<T> weight, Vector<Bfloat16> rounded) {
  using Real = T;
  const AdamWCoefficients& c = coefficients;
  // Formed in double and rounded once: 1 - beta2^t at t = 1 would lose four digits in float.
  const Real decay = c.lr * c.weight_decay, scale = c.gradient_scale, eps = c.eps, l2 = c.l2;
  const Real beta1 = c.beta1, one_minus_beta1 = 1 - c.beta1, beta2 = c.beta2, one_minus_beta2 = 1 - c.beta2;
  const Real rate = c.lr / (1 - std::pow(c.beta1, c.step));
  const Real root_correction = 1 / std::sqrt(1 - std::pow(c.beta2, c.step));
  const std::uint64_t key = mix_bits(c.rounding_key + mix_bits(static_cast<std::uint64_t>(c.step)));
  const std::int64_t first = c.first_element;
  const T* gradient_data = gradient.data();
  M *m_data = m.data(), *v_data = v.data();
  T* weight_data = weight.data();
  Bfloat16* rounded_data = rounded.data();
  const std::int64_t n = weight.extent(0);
  for_each_packed_row<T>(
      exec, "recpo::adamw::step", ElementChunk::number(n), ElementChunk::kSize,
      packable(ElementChunk::kSize, gradient, m, v, weight) && packable(ElementChunk::kSize, rounded),
      KOKKOS_LAMBDA(const Row& row) {
        const ElementChunk chunk(row.index(), n);
        row.template for_each_pack<T>(chunk.count, [&](auto place) {
          const auto i = chunk.begin + place;
          const auto w = load(weight_data, i);
          const auto g = scale * load(gradient_data, i) + l2 * w;
          const auto m_new = beta1 * as<Real>(load(m_data, i)) + one_minus_beta1 * g;
          const auto v_new = beta2 * as<Real>(load(v_data, i)) + one_minus_beta2 * g * g;
          store_moments(m_data, v_data, i, m_new, v_new, key, first);
          const auto root = on_lanes([](Real x) { return Kokkos::sqrt(x); }, v_new);
          const auto w_new = w - decay * w - rate * m_new / (root * root_correction + eps);
          store(weight_data, i, w_new);
          if (rounded_data != nullptr) store(rounded_data, i, as<float>(w_new));
        });
      });
}

RECPO_INSTANTIATE_SUMS(adamw_step);
#define RECPO_INSTANTIATE(T) template decltype(adamw_step<T, Bfloat16>) adamw_step<T, Bfloat16>;
RECPO_FOR_EACH_ACCUMULATE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

}  // namespace recpo::kernels
