// 16-bit formats against the definition: the nearest of all representable numbers, found by looking at all of them.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "src/checkpoint/float16.hpp"
#include "src/support/random.hpp"

namespace recpo::checkpoint {
namespace {

struct Format {
  int fraction_bits, exponent_bits;
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  std::uint16_t infinity() const { return static_cast<std::uint16_t>(((1 << exponent_bits) - 1) << fraction_bits); }
};
constexpr Format kBfloat16{7, 8}, kFloat16{10, 5};

// The value of a finite positive pattern; of infinity's, the number that would follow the largest.
double value_of(const Format& format, std::uint16_t bits) {
  const int exponent = bits >> format.fraction_bits, fraction = bits & ((1 << format.fraction_bits) - 1);
  if (exponent == 0) return std::ldexp(fraction, 1 - format.bias() - format.fraction_bits);
  return std::ldexp((1 << format.fraction_bits) + fraction, exponent - format.bias() - format.fraction_bits);
}

// Ties go to the even pattern; what is nearer to the number after the largest is infinity.
std::uint16_t nearest(const Format& format, float value) {
  const double magnitude = std::fabs(static_cast<double>(value));
  std::uint16_t low = 0, high = format.infinity();
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (value_of(format, middle) <= magnitude ? low : high) = middle;
  }
  const double below = magnitude - value_of(format, low), above = value_of(format, high) - magnitude;
  const bool up = std::isinf(value) || above < below || (above == below && low % 2 == 1);
  return static_cast<std::uint16_t>((up ? high : low) | (std::signbit(value) ? 0x8000 : 0));
}

void expect_nearest(const Format& format, const std::function<std::uint16_t(float)>& narrow, float value) {
  for (const float sign : {1.0f, -1.0f}) ASSERT_EQ(narrow(sign * value), nearest(format, sign * value)) << value;
}

// Every representable number, every midpoint between neighbours and the floats beside both, and random bits.
void expect_rounds_to_nearest(const Format& format, const std::function<std::uint16_t(float)>& narrow) {
  for (std::uint16_t bits = 0; bits < format.infinity(); ++bits) {
    const double number = value_of(format, bits), middle = (number + value_of(format, bits + 1)) / 2;
    for (const double point : {number, middle}) {
      const auto value = static_cast<float>(point);
      ASSERT_EQ(value, point);  // midpoints are floats too
      expect_nearest(format, narrow, value);
      expect_nearest(format, narrow, std::nextafter(value, 0.0f));
      expect_nearest(format, narrow, std::nextafter(value, std::numeric_limits<float>::infinity()));
    }
  }
  Random random(1, "half");
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random.next()));
    if (!std::isnan(value)) expect_nearest(format, narrow, value);
  }
}

TEST(Half, Bfloat16RoundsToNearestEven) { expect_rounds_to_nearest(kBfloat16, float_to_bfloat16); }
TEST(Half, Float16RoundsToNearestEven) { expect_rounds_to_nearest(kFloat16, float_to_float16); }

TEST(Half, EveryPatternWidensToItsValueAndBack) {
  for (int bits = 0; bits < 0x8000; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    if (pattern < kBfloat16.infinity()) ASSERT_EQ(bfloat16_to_float(pattern), value_of(kBfloat16, pattern));
    if (pattern < kFloat16.infinity()) ASSERT_EQ(float16_to_float(pattern), value_of(kFloat16, pattern));
    for (const int sign : {0, 0x8000}) {
      const auto whole = static_cast<std::uint16_t>(bits | sign);
      if (pattern <= kBfloat16.infinity()) ASSERT_EQ(float_to_bfloat16(bfloat16_to_float(whole)), whole);
      if (pattern <= kFloat16.infinity()) ASSERT_EQ(float_to_float16(float16_to_float(whole)), whole);
    }
  }
}

TEST(Half, NotANumberStaysOne) {
  for (const std::uint32_t bits : {0x7F800001u, 0x7FC00000u, 0xFFFFFFFFu, 0xFF800001u}) {
    const auto value = std::bit_cast<float>(bits);
    EXPECT_TRUE(std::isnan(bfloat16_to_float(float_to_bfloat16(value))));
    EXPECT_TRUE(std::isnan(float16_to_float(float_to_float16(value))));
  }
}

}  // namespace
}  // namespace recpo::checkpoint
