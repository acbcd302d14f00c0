#pragma once
// exp for kernels. The host library's expf is a call that stops a loop from vectorizing; this one is straight-line
// code, so the loops around it (SwiGLU, softmax, log-sum-exp) run at vector width on the host. On the device and for
// double it is the platform's own.
//   exp(x) = 2^k exp(r),  k = round(x / ln 2),  r = x - k ln 2 in [-ln 2 / 2, ln 2 / 2]
// float: error at most 2 ulp, denormal results included; exp(-inf) = 0, exp(large) = inf, exp(NaN) = NaN.

#include <Kokkos_Core.hpp>
#include <bit>
#include <cstdint>

namespace recpo::kernels {

namespace detail {

// 2^k for k in [-126, 127]
inline float power_of_two(std::int32_t k) { return std::bit_cast<float>((k + 127) << 23); }

inline float exp_host(float x) {
  constexpr float kLog2E = 0x1.715476p+0f;
  constexpr float kLn2High = 0x1.63p-1f;  // few enough bits that k * kLn2High is exact
  constexpr float kLn2Low = -0x1.bd0106p-13f;
  constexpr float kRound = 0x1.8p23f;  // adding it leaves the nearest integer in the low bits
  // Beyond these the result is 0 or inf anyway; the comparisons let NaN through.
  x = x < -104.0f ? -104.0f : x;
  x = x > 89.0f ? 89.0f : x;
  const float shifted = x * kLog2E + kRound;
  const std::int32_t k = std::bit_cast<std::int32_t>(shifted) - std::bit_cast<std::int32_t>(kRound);
  const float k_float = shifted - kRound;
  const float r = (x - k_float * kLn2High) - k_float * kLn2Low;
  // Taylor's series to r^7: its remainder is below 6e-9, a tenth of a rounding.
  float q = 1.0f / 5040;
  q = q * r + 1.0f / 720;
  q = q * r + 1.0f / 120;
  q = q * r + 1.0f / 24;
  q = q * r + 1.0f / 6;
  q = q * r + 0.5f;
  const float exp_r = (r * r * q + r) + 1.0f;
  const std::int32_t half = k >> 1;  // two factors: 2^k alone would leave the range of float at both ends
  return exp_r * power_of_two(half) * power_of_two(k - half);
}

}  // namespace detail

KOKKOS_INLINE_FUNCTION float exp(float x) {
  KOKKOS_IF_ON_HOST((return detail::exp_host(x);))
  KOKKOS_IF_ON_DEVICE((return Kokkos::exp(x);))
}

KOKKOS_INLINE_FUNCTION double exp(double x) { return Kokkos::exp(x); }

}  // namespace recpo::kernels
