// bfloat16 as a storage type: every one of its values, and what lies between two neighbours, through the kernel that
// converts whole vectors.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/reductions.hpp"
#include "tests/kernels/reference/reductions.hpp"
#include "tests/support/guarded.hpp"

namespace recpo::kernels {
namespace {

constexpr std::uint32_t kPatterns = 1 << 16;

// A vector of one type in, of the other out, bit by bit.
template <class From, class To>
std::vector<To> converted(const std::vector<From>& values) {
  const OwnedVector<From> x("recpo::test::x", values.size());
  const OwnedVector<To> y("recpo::test::y", values.size());
  Kokkos::deep_copy(x, HostVector<const From>(values.data(), values.size()));
  convert<From, To>(ExecSpace(), x, y);
  std::vector<To> host(values.size());
  Kokkos::deep_copy(HostVector<To>(host.data(), host.size()), y);
  return host;
}

std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }

TEST(Bfloat16, EveryValueIsTheUpperHalfOfAFloat) {
  std::vector<Bfloat16> all;
  for (std::uint32_t bits = 0; bits < kPatterns; ++bits) {
    all.push_back(Bfloat16::from_bits(static_cast<std::uint16_t>(bits)));
  }
  const std::vector<float> wide = converted<Bfloat16, float>(all);
  const std::vector<Bfloat16> back = converted<float, Bfloat16>(wide);
  for (std::uint32_t bits = 0; bits < kPatterns; ++bits) {
    EXPECT_EQ(bits_of(wide[bits]), bits << 16);
    if (std::isnan(wide[bits])) {
      EXPECT_EQ(back[bits].bits & 0x7FC0u, 0x7FC0u);  // a quiet one
    } else {
      EXPECT_EQ(back[bits].bits, bits);
    }
  }
}

// From each value towards the next one outwards: the value, barely above it, below the middle, the middle, above it,
// barely below the next. The largest finite value's next one is infinity.
TEST(Bfloat16, RoundsToTheNearestTiesToEven) {
  std::vector<float> between;
  for (std::uint32_t bits = 0; bits < kPatterns; ++bits) {
    if ((bits & 0x7FFFu) >= 0x7F80u) continue;  // not finite
    for (const std::uint32_t lower : {0u, 1u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
      between.push_back(std::bit_cast<float>(bits << 16 | lower));
    }
  }
  const std::vector<Bfloat16> rounded = converted<float, Bfloat16>(between);
  for (std::size_t i = 0; i < between.size(); ++i) {
    const auto expected = static_cast<float>(reference::nearest_bfloat16(between[i]));
    ASSERT_EQ(static_cast<std::uint32_t>(rounded[i].bits) << 16, bits_of(expected)) << between[i];
  }
}

TEST(Bfloat16, NoNanBecomesInfinityOrZero) {
  std::vector<float> nans;
  for (const std::uint32_t sign : {0u, 0x80000000u}) {
    for (const std::uint32_t payload : {1u, 0x7FFFu, 0x8000u, 0xFFFFu, 0x10000u, 0x3FFFFFu, 0x400000u, 0x7FFFFFu}) {
      nans.push_back(std::bit_cast<float>(sign | 0x7F800000u | payload));
    }
  }
  for (const Bfloat16 value : converted<float, Bfloat16>(nans)) EXPECT_TRUE(std::isnan(static_cast<float>(value)));
}

// One rounding a sum, of the sum in float.
TEST(Bfloat16, AddsInFloat) {
  Bfloat16 sum = 1.0f;
  sum += 0x1p-8f;  // the middle: to even
  EXPECT_EQ(static_cast<float>(sum), 1.0f);
  sum += 0x1.01p-8f;  // above the middle, where the term rounded to bfloat16 would not be
  EXPECT_EQ(static_cast<float>(sum), 1.0f + 0x1p-7f);
  sum += 0x1p-8f;
  EXPECT_EQ(static_cast<float>(sum), 1.0f + 0x1p-6f);
}

}  // namespace
}  // namespace recpo::kernels
