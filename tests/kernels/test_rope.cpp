#include <gtest/gtest.h>

#include "kernels/rope.hpp"
#include "tests/kernels/reference/rope.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

// Transformers' own values for Llama-3.1, computed in float: theta^(2d/D), its reciprocal and the interpolation's
// four operations are rounded to float there.
TEST(Rope, InverseFrequenciesAreThoseOfLlama31) {
  const RopeScaling scaling{8.0, 1.0, 4.0, 8192.0};
  const std::vector<double> actual = rope_inverse_frequencies(128, 500000.0, scaling);
  ASSERT_EQ(actual.size(), 64u);
  const std::pair<int, double> golden[] = {{0, 1.0},
                                           {20, 0.016560440080994446},
                                           {28, 0.003211445994752591},
                                           {29, 0.002166570763503359},
                                           {30, 0.0013718935677611381},
                                           {35, 9.556212353964683e-05},
                                           {63, 3.068925988914511e-07}};
  for (const auto& [d, value] : golden) {
    const bool interpolated = d >= 29 && d <= 34;
    EXPECT_NEAR(actual[d], value, value * test::gamma<float>(interpolated ? 10 : 3)) << "at " << d;
  }
}

TEST(Rope, InverseFrequenciesWithoutScalingArePowers) {
  const std::vector<double> actual = rope_inverse_frequencies(64, 100000.0, RopeScaling{});
  for (int d = 0; d < 32; ++d) {
    EXPECT_NEAR(actual[d] * std::pow(100000.0, d / 32.0), 1.0, test::gamma<double>(6)) << "at " << d;
  }
}

template <class T>
struct Tables {
  int length, half;
  Guarded<Accumulate<T>> cosine{length, half}, sine{length, half};

  Tables(int length, const std::vector<double>& inverse_frequency)
      : length(length), half(static_cast<int>(inverse_frequency.size())) {
    const Guarded<double> frequencies(inverse_frequency);
    rope_tables<T>(ExecSpace(), frequencies.vector(), cosine.matrix(), sine.matrix());
  }
};

template <class T>
Guarded<T> rotate(const Tables<T>& tables, const std::vector<int>& positions, int heads, int width, const Values& x,
                  int direction, const ExecSpace& exec = ExecSpace()) {
  const Guarded<T> out(positions.size(), width, x);
  const auto device_positions = test::to_device(positions);
  const auto kernel = direction > 0 ? rope_forward<T> : rope_backward<T>;
  kernel(exec, device_positions, tables.cosine.matrix(), tables.sine.matrix(), heads, out.matrix());
  exec.fence();
  return out;
}

std::vector<int> some_positions(int tokens, int length) {
  Random random(7, "positions");
  std::vector<int> positions(tokens);
  for (int& position : positions) position = static_cast<int>(random.below(length));
  positions[0] = length - 1;
  return positions;
}

// The row holds more than the rotated heads: values follow them, as in the fused projection.
template <class T>
void check(int tokens, int heads, int head_dim) {
  SCOPED_TRACE(testing::Message() << tokens << " tokens, " << heads << " heads of " << head_dim);
  const int length = 500, width = (heads + 1) * head_dim, half = head_dim / 2;
  const std::vector<double> frequencies = rope_inverse_frequencies(head_dim, 10000.0, RopeScaling{});
  const Tables<T> tables(length, frequencies);
  const std::vector<int> positions = some_positions(tokens, length);
  const Values x = test::random_values<T>(tokens * width, "x");
  for (const int direction : {1, -1}) {
    Values expected = x;
    reference::rope_rotate(tokens, width, heads, positions, frequencies, direction, expected);
    const auto bound = [&](std::int64_t i) {
      const std::int64_t t = i / width, column = i % width, d = column % half;
      if (column >= heads * head_dim) return 0.0;
      const std::int64_t first = t * width + column / head_dim * head_dim + d;
      const double magnitude = std::abs(x[first]) + std::abs(x[first + half]);
      // Table, product, sum; and the angle itself, a product rounded in fp64 here and there, with sin and cos of it.
      const double angle_error = test::gamma<double>(2) * (positions[t] * frequencies[d] + 1);
      return test::stored<T>(magnitude * (test::gamma<T>(3, 3) + angle_error), expected[i]);
    };
    test::expect_within<T>(rotate<T>(tables, positions, heads, width, x, direction).values(), expected, bound, "x");
  }
}

template <class T>
void check_shapes() {
  for (const int tokens : {1, 3, 40}) {
    for (const int heads : {1, 5}) {
      for (const int head_dim : {2, 6, 64, 128}) check<T>(tokens, heads, head_dim);
    }
  }
}

TEST(Rope, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(Rope, EqualsTheReferenceInDouble) { check_shapes<double>(); }
TEST(Rope, EqualsTheReferenceInBfloat16) { check_shapes<Bfloat16>(); }

TEST(Rope, BackwardIsTheDerivativeOfTheForward) {
  const int tokens = 3, heads = 2, width = 20;
  const Tables<double> tables(40, rope_inverse_frequencies(8, 10000.0, RopeScaling{}));
  const std::vector<int> positions = {0, 39, 17};
  const Values x = test::random_values<double>(tokens * width, "x"),
               dy = test::random_values<double>(tokens * width, "dy");
  const auto loss = [&](const Values& values) {
    return test::weighted_sum(rotate<double>(tables, positions, heads, width, values, 1).values(), dy);
  };
  const double noise = test::weighted_noise(x, dy, 8) + test::gamma<double>(8) * tokens * width;
  test::expect_gradient(loss, x, rotate<double>(tables, positions, heads, width, dy, -1).values(), noise, 60, "dx");
}

TEST(Rope, HasTheSameBitsForAnyNumberOfThreads) {
  const Tables<float> tables(500, rope_inverse_frequencies(64, 10000.0, RopeScaling{}));
  const std::vector<int> positions = some_positions(91, 500);
  const Values x = test::random_values<float>(91 * 200, "x");
  test::expect_same_bits<double>(
      [&](const ExecSpace& exec) { return rotate<float>(tables, positions, 3, 200, x, 1, exec).values(); });
}

}  // namespace
}  // namespace recpo::kernels
