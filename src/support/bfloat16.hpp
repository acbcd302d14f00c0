#pragma once
// bfloat16, the upper half of a float, as a storage type: it converts to float (exact) and from float (to nearest, ties
// to even; infinity stays, NaN becomes quiet), and every computation is done in float. Stochastic rounding serves
// running means, whose small updates nearest would lose. Bits are converted by integer operations, the same on host and
// device.

#include <Kokkos_Core.hpp>
#include <cstdint>

namespace recpo {

struct Bfloat16 {
  std::uint16_t bits;

  Bfloat16() = default;
  KOKKOS_INLINE_FUNCTION Bfloat16(float value) : bits(round_to_nearest(Kokkos::bit_cast<std::uint32_t>(value))) {}
  KOKKOS_INLINE_FUNCTION operator float() const {
    return Kokkos::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
  KOKKOS_INLINE_FUNCTION Bfloat16& operator+=(float term) { return *this = static_cast<float>(*this) + term; }

  static KOKKOS_INLINE_FUNCTION Bfloat16 from_bits(std::uint16_t bits) {
    Bfloat16 value;
    value.bits = bits;
    return value;
  }

 private:
  // Half a unit of the last kept place, less one when that place is even: a carry out of the lower half rounds up.
  static KOKKOS_INLINE_FUNCTION std::uint16_t round_to_nearest(std::uint32_t wide) {
    const std::uint32_t rounded = (wide + 0x7FFFu + ((wide >> 16) & 1u)) >> 16;
    const bool is_nan = (wide & 0x7FFFFFFFu) > 0x7F800000u;
    return static_cast<std::uint16_t>(is_nan ? (wide >> 16) | 0x40u : rounded);
  }
};

// Up or down with probabilities that make the mean exact; `random` holds 16 uniform bits. Infinity and NaN stay.
KOKKOS_INLINE_FUNCTION Bfloat16 round_stochastically(float value, std::uint32_t random) {
  const std::uint32_t bits = Kokkos::bit_cast<std::uint32_t>(value);
  const bool finite = (bits & 0x7F800000u) != 0x7F800000u;
  const std::uint32_t quiet = (bits & 0x007FFFFFu) != 0 ? 0x00400000u : 0u;
  return Bfloat16::from_bits(static_cast<std::uint16_t>((finite ? bits + (random & 0xFFFFu) : bits | quiet) >> 16));
}

}  // namespace recpo
