#pragma once
// bfloat16, the upper half of a float, as a storage type: widening is exact; arithmetic is done in float. Rounding to
// nearest serves files and weights; stochastic rounding serves running means, whose small updates nearest would lose.

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace recpo {

struct Bfloat16 {
  std::uint16_t bits = 0;
};

KOKKOS_INLINE_FUNCTION float to_float(Bfloat16 value) {
  return Kokkos::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}

// Up or down with probabilities that make the mean exact; `random` holds 16 uniform bits. Infinity and NaN stay.
KOKKOS_INLINE_FUNCTION Bfloat16 round_stochastically(float value, std::uint32_t random) {
  const std::uint32_t bits = Kokkos::bit_cast<std::uint32_t>(value);
  const bool finite = (bits & 0x7F800000u) != 0x7F800000u;
  const std::uint32_t quiet = (bits & 0x007FFFFFu) != 0 ? 0x00400000u : 0u;
  return {static_cast<std::uint16_t>((finite ? bits + (random & 0xFFFFu) : bits | quiet) >> 16)};
}

}  // namespace recpo
