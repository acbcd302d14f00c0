#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/math.hpp"
#include "tests/support/guarded.hpp"

namespace recpo::kernels {
namespace {

using test::Values;

void apply_exp(Vector<const float> x, Vector<float> y) {
  Kokkos::parallel_for(
      "recpo::test::exp", RangePolicy(0, x.extent(0)), KOKKOS_LAMBDA(std::int64_t i) { y(i) = exp(x(i)); });
}

Values exp_of(const Values& x) {
  const test::Guarded<float> in(x), out(1, x.size());
  apply_exp(in.vector(), out.vector());
  return out.values();
}

// The distance of two neighbouring floats at |x|.
double ulp(double x) {
  const float above = std::max(static_cast<float>(std::abs(x)), std::numeric_limits<float>::min());
  return std::nextafter(above, std::numeric_limits<float>::infinity()) - static_cast<double>(above);
}

// Every 1009th float between -104 and 88.7, both signs of zero's neighbourhood and denormal results among them.
TEST(Exp, IsWithinTwoUlpOfTheExactValue) {
  Values x;
  for (std::uint32_t bits = 0; bits < 0x7F800000u; bits += 1009) {
    const float magnitude = std::bit_cast<float>(bits);
    if (magnitude < 88.7f) x.push_back(magnitude);
    if (magnitude < 104.0f) x.push_back(-magnitude);
  }
  const Values y = exp_of(x);
  double worst = 0, worst_x = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(x[i]);
    const double error = std::abs(y[i] - exact) / ulp(exact);
    if (error > worst || std::isnan(error)) worst = error, worst_x = x[i];
  }
  EXPECT_LE(worst, 2.0) << "at " << worst_x;
  RecordProperty("worst_ulp", std::to_string(worst));
}

TEST(Exp, KeepsTheEdges) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const double largest = std::numeric_limits<float>::max();
  const Values y = exp_of({-inf, inf, nan, -largest, largest, 0.0, -0.0, -110.0, 88.8});
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], inf);
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_EQ(y[3], 0);
  EXPECT_EQ(y[4], inf);
  EXPECT_EQ(y[5], 1);
  EXPECT_EQ(y[6], 1);
  EXPECT_EQ(y[7], 0);
  EXPECT_EQ(y[8], inf);
}

}  // namespace
}  // namespace recpo::kernels
