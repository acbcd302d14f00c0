#pragma once
// The 16-bit formats of model files, as bit patterns: bfloat16 (the upper half of a float) and IEEE binary16. Widening
// is exact; narrowing rounds to the nearest, ties to even, overflow to infinity, NaN stays NaN. Elementwise and pure.

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "src/checkpoint/safetensors.hpp"
#include "src/support/bfloat16.hpp"

namespace recpo::checkpoint {

inline float bfloat16_to_float(std::uint16_t bits) { return Bfloat16::from_bits(bits); }
inline std::uint16_t float_to_bfloat16(float value) { return Bfloat16(value).bits; }

inline float float16_to_float(std::uint16_t bits) {
  constexpr float kSubnormalUnit = 0x1p-24f;
  const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1Fu, fraction = bits & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * kSubnormalUnit;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t wide = exponent == 0x1Fu ? 0xFFu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

inline std::uint16_t float_to_float16(float value) {
  constexpr float kHalfwayToOverflow = 65520.0f;  // between 65504, the largest number, and 2^16
  constexpr float kSmallestNormal = 0x1p-14f;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return static_cast<std::uint16_t>(sign | 0x7E00u);
  if (magnitude >= kHalfwayToOverflow) return static_cast<std::uint16_t>(sign | 0x7C00u);
  if (magnitude < kSmallestNormal) {
    // Adding 2^-1, whose unit in the last place is 2^-24, leaves the rounded multiple of 2^-24 in the low bits.
    const auto sum = std::bit_cast<std::uint32_t>(magnitude + 0.5f);
    return static_cast<std::uint16_t>(sign | (sum - std::bit_cast<std::uint32_t>(0.5f)));
  }
  const std::uint32_t rebased = (bits & 0x7FFFFFFFu) - (std::uint32_t{127 - 15} << 23);
  return static_cast<std::uint16_t>(sign | ((rebased + 0xFFFu + ((rebased >> 13) & 1u)) >> 13));
}

// Of a storage type.
template <class T>
inline constexpr Dtype kDtype = std::is_same_v<T, float>    ? Dtype::kFloat32
                                : std::is_same_v<T, double> ? Dtype::kFloat64
                                                            : Dtype::kBfloat16;

}  // namespace recpo::checkpoint
