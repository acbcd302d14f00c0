#pragma once
// Neighbouring elements as one value, so that the device moves them by 16-byte loads and stores. A kernel's line is
// written once, against an index i that is an integer or a Pack:
//   row.for_each_pack<T>(n, [&](auto i) { store(y, i, load(x, i) * r * load(w, i)); });
// With an integer, load gives the element as a number to compute with; with a Pack of N elements it gives N of them
// (Lanes), and arithmetic acts on each. Elements of a Pack lie at a multiple of N from a pointer aligned to 16 bytes.

#include <Kokkos_Core.hpp>
#include <type_traits>

#include "kernels/math.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

template <class Real, int N>
struct Lanes {
  Real lane[N];
  KOKKOS_FUNCTION void operator+=(const Lanes& more) {
    for (int k = 0; k < N; ++k) lane[k] += more.lane[k];
  }
};

// Elements [first, first + N).
template <int N>
struct Pack {
  std::int64_t first;
};
template <int N>
KOKKOS_INLINE_FUNCTION Pack<N> operator+(std::int64_t offset, Pack<N> i) {
  return {offset + i.first};
}

// Elements of T that 16 bytes hold.
template <class T>
inline constexpr int kPackSize = 16 / static_cast<int>(sizeof(T));

namespace detail {
template <class T, int N>
struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Memory {
  T element[N];
};

// Rounded as Bfloat16 does; the device has an instruction for two at a time. Of a NaN only that it is one is kept.
template <class T, int N>
KOKKOS_FORCEINLINE_FUNCTION Memory<T, N> narrowed(const Lanes<Accumulate<T>, N>& values) {
  Memory<T, N> memory;
  for (int k = 0; k < N; ++k) memory.element[k] = static_cast<T>(values.lane[k]);
  return memory;
}
template <int N>
KOKKOS_FORCEINLINE_FUNCTION Memory<Bfloat16, N> narrowed_bfloat16(const Lanes<float, N>& values) {
  KOKKOS_IF_ON_HOST((return narrowed<Bfloat16, N>(values);))
  KOKKOS_IF_ON_DEVICE((Memory<Bfloat16, N> memory; for (int k = 0; k < N; k += 2) {
    std::uint32_t pair = 0;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(values.lane[k + 1]), "f"(values.lane[k]));
    memory.element[k] = Bfloat16::from_bits(static_cast<std::uint16_t>(pair));
    memory.element[k + 1] = Bfloat16::from_bits(static_cast<std::uint16_t>(pair >> 16));
  } return memory;))
}
}  // namespace detail

template <class T>
KOKKOS_FORCEINLINE_FUNCTION Accumulate<T> load(const T* x, std::int64_t i) {
  return static_cast<Accumulate<T>>(x[i]);
}
template <class T, int N>
KOKKOS_FORCEINLINE_FUNCTION Lanes<Accumulate<T>, N> load(const T* x, Pack<N> i) {
  const auto memory = *reinterpret_cast<const detail::Memory<T, N>*>(x + i.first);
  Lanes<Accumulate<T>, N> values;
  for (int k = 0; k < N; ++k) values.lane[k] = static_cast<Accumulate<T>>(memory.element[k]);
  return values;
}

template <class T>
KOKKOS_FORCEINLINE_FUNCTION void store(T* x, std::int64_t i, std::type_identity_t<Accumulate<T>> value) {
  x[i] = static_cast<T>(value);
}
template <class T, int N>
KOKKOS_FORCEINLINE_FUNCTION void store(T* x, Pack<N> i, const Lanes<Accumulate<T>, N>& values) {
  auto* place = reinterpret_cast<detail::Memory<T, N>*>(x + i.first);
  if constexpr (std::is_same_v<T, Bfloat16>) {
    *place = detail::narrowed_bfloat16<N>(values);
  } else {
    *place = detail::narrowed<T, N>(values);
  }
}

#define RECPO_LANES_OPERATOR(op)                                                                                  \
  template <class Real, int N>                                                                                    \
  KOKKOS_FORCEINLINE_FUNCTION Lanes<Real, N> operator op(const Lanes<Real, N>& x, const Lanes<Real, N>& y) {      \
    Lanes<Real, N> z;                                                                                             \
    for (int k = 0; k < N; ++k) z.lane[k] = x.lane[k] op y.lane[k];                                               \
    return z;                                                                                                     \
  }                                                                                                               \
  template <class Real, int N>                                                                                    \
  KOKKOS_FORCEINLINE_FUNCTION Lanes<Real, N> operator op(const Lanes<Real, N>& x, std::type_identity_t<Real> y) { \
    Lanes<Real, N> z;                                                                                             \
    for (int k = 0; k < N; ++k) z.lane[k] = x.lane[k] op y;                                                       \
    return z;                                                                                                     \
  }                                                                                                               \
  template <class Real, int N>                                                                                    \
  KOKKOS_FORCEINLINE_FUNCTION Lanes<Real, N> operator op(std::type_identity_t<Real> x, const Lanes<Real, N>& y) { \
    Lanes<Real, N> z;                                                                                             \
    for (int k = 0; k < N; ++k) z.lane[k] = x op y.lane[k];                                                       \
    return z;                                                                                                     \
  }
RECPO_LANES_OPERATOR(+)
RECPO_LANES_OPERATOR(-)
RECPO_LANES_OPERATOR(*)
RECPO_LANES_OPERATOR(/)
#undef RECPO_LANES_OPERATOR

// f of a number, or of each lane.
template <class F, class Real>
KOKKOS_FORCEINLINE_FUNCTION Real on_lanes(const F& f, Real x) {
  return f(x);
}
template <class F, class Real, int N>
KOKKOS_FORCEINLINE_FUNCTION Lanes<Real, N> on_lanes(const F& f, const Lanes<Real, N>& x) {
  Lanes<Real, N> y;
  for (int k = 0; k < N; ++k) y.lane[k] = f(x.lane[k]);
  return y;
}

template <class Real, int N>
KOKKOS_FORCEINLINE_FUNCTION Lanes<Real, N> exp(const Lanes<Real, N>& x) {
  return on_lanes([](Real lane) { return exp(lane); }, x);
}

// In another type.
template <class To, class Real>
KOKKOS_FORCEINLINE_FUNCTION To as(Real x) {
  return static_cast<To>(x);
}
template <class To, class Real, int N>
KOKKOS_FORCEINLINE_FUNCTION Lanes<To, N> as(const Lanes<Real, N>& x) {
  Lanes<To, N> y;
  for (int k = 0; k < N; ++k) y.lane[k] = static_cast<To>(x.lane[k]);
  return y;
}

// The sum of a value's lanes; a number has one.
template <class Sum, class Real>
KOKKOS_FORCEINLINE_FUNCTION Sum sum_of_lanes(Real x) {
  return static_cast<Sum>(x);
}
template <class Sum, class Real, int N>
KOKKOS_FORCEINLINE_FUNCTION Sum sum_of_lanes(const Lanes<Real, N>& x) {
  Sum sum = static_cast<Sum>(x.lane[0]);
  for (int k = 1; k < N; ++k) sum += static_cast<Sum>(x.lane[k]);
  return sum;
}

// Whether rows of `width` elements of all these views can be taken in packs: aligned to 16 bytes from the first
// element to each next row.
template <class... Views>
bool packable(std::int64_t width, const Views&... views) {
  constexpr std::uintptr_t kBytes = 16;
  const auto fits = [&](const auto& view) {
    using View = std::decay_t<decltype(view)>;
    constexpr auto kElement = sizeof(typename View::value_type);
    const auto bytes = static_cast<std::uintptr_t>(width) * kElement;
    std::uintptr_t misfit = reinterpret_cast<std::uintptr_t>(view.data()) | bytes;
    if constexpr (View::rank() == 2) misfit |= static_cast<std::uintptr_t>(view.stride(0)) * kElement;
    return misfit % kBytes == 0;
  };
  return (fits(views) && ...);
}

// The denominator of a softmax as a pair of numbers that does not overflow. Of a row of numbers x: the largest, and the
// sum of exp(x - largest).
template <class Real>
struct ExponentialSum {
  Real largest = Kokkos::reduction_identity<Real>::max(), sum = 0;
  // Of two parts of a row: the larger `largest` rescales the other sum.
  KOKKOS_FUNCTION void operator+=(const ExponentialSum& part) {
    if (part.largest > largest) {
      sum = sum * exp(largest - part.largest) + part.sum;
      largest = part.largest;
    } else if (part.sum > 0) {
      sum += part.sum * exp(part.largest - largest);
    }
  }
};

}  // namespace recpo::kernels

namespace Kokkos {
template <class Real, int N>
struct reduction_identity<recpo::kernels::Lanes<Real, N>> {
  KOKKOS_FUNCTION static recpo::kernels::Lanes<Real, N> sum() { return {}; }
};
template <class Real>
struct reduction_identity<recpo::kernels::ExponentialSum<Real>> {
  KOKKOS_FUNCTION static recpo::kernels::ExponentialSum<Real> sum() { return {}; }
};
}  // namespace Kokkos
