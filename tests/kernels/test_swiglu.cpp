#include <gtest/gtest.h>

#include "kernels/swiglu.hpp"
#include "tests/kernels/reference/swiglu.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

template <class T>
Values forward(int tokens, int width, const Values& gate_up) {
  const Guarded<T> in(tokens, 2 * width, gate_up), y(tokens, width);
  swiglu_forward<T>(ExecSpace(), in.matrix(), y.matrix());
  return y.values();
}

template <class T>
Values backward(int tokens, int width, const Values& gate_up, const Values& dy_values, bool in_place) {
  const Guarded<T> in(tokens, 2 * width, gate_up), dy(tokens, width, dy_values), out(tokens, 2 * width);
  const Guarded<T>& d_gate_up = in_place ? in : out;
  swiglu_backward<T>(ExecSpace(), in.matrix(), dy.matrix(), d_gate_up.matrix());
  return d_gate_up.values();
}

template <class T>
void check(int tokens, int width) {
  SCOPED_TRACE(testing::Message() << tokens << " x " << width);
  const Values gate_up = test::random_values<T>(tokens * 2 * width, "gate_up", 4.0);
  const Values dy = test::random_values<T>(tokens * width, "dy");
  Values y(tokens * width), d_gate_up(tokens * 2 * width);
  reference::swiglu_forward(tokens, width, gate_up, y);
  reference::swiglu_backward(tokens, width, gate_up, dy, d_gate_up);

  // exp, the addition, the division and the product by up.
  const double y_bound = test::gamma<T>(test::kExpRoundings + 3, 7);
  test::expect_within<T>(
      forward<T>(tokens, width, gate_up), y, [&](auto i) { return test::stored<T>(std::abs(y[i]) * y_bound, y[i]); },
      "y");

  const auto bound = [&](std::int64_t i) {
    const std::int64_t t = i / (2 * width), column = i % width;
    const bool is_up = i % (2 * width) >= width;
    const double gate = gate_up[t * 2 * width + column], up = gate_up[t * 2 * width + width + column];
    const double d = dy[t * width + column], s = 1 / (1 + std::exp(-gate));
    const double s_roundings = test::kExpRoundings + 2, silu = std::abs(gate) * s;
    const double u = test::gamma<T>(1, 1);
    if (is_up) return test::stored<T>(u * std::abs(d) * silu * (s_roundings + 2), d_gate_up[i]);
    // dy up (s + silu (1 - s)): 1 - s carries the absolute error of s; two products and a sum on top.
    const double inner = s_roundings * s + silu * ((s_roundings + 2) * (1 - s) + s_roundings * s + (1 - s));
    return test::stored<T>(u * std::abs(d * up) * (inner + 3 * (s + silu * (1 - s))), d_gate_up[i]);
  };
  for (const bool in_place : {false, true}) {
    test::expect_within<T>(backward<T>(tokens, width, gate_up, dy, in_place), d_gate_up, bound, "d_gate_up");
  }
}

template <class T>
void check_shapes() {
  for (const int tokens : {1, 2, 33}) {
    for (const int width : {1, 15, 64, 100, 1536}) check<T>(tokens, width);
  }
}

TEST(SwiGlu, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(SwiGlu, EqualsTheReferenceInDouble) { check_shapes<double>(); }
TEST(SwiGlu, EqualsTheReferenceInBfloat16) { check_shapes<Bfloat16>(); }

TEST(SwiGlu, GradientIsTheDerivativeOfTheForward) {
  const int tokens = 5, width = 9;
  const Values gate_up = test::random_values<double>(tokens * 2 * width, "gate_up", 2.0);
  const Values dy = test::random_values<double>(tokens * width, "dy");
  const auto loss = [&](const Values& x) { return test::weighted_sum(forward<double>(tokens, width, x), dy); };
  const double noise = test::weighted_noise(forward<double>(tokens, width, gate_up), dy, 7);
  test::expect_gradient(loss, gate_up, backward<double>(tokens, width, gate_up, dy, false), noise, 90, "d_gate_up");
}

TEST(SwiGlu, LargeGatesSaturate) {
  const Values gate_up = {-200, 200, -1e30, 3, 5, 7};  // three gates, three ups
  EXPECT_EQ(forward<float>(1, 3, gate_up), (Values{0, 1000, 0}));
  EXPECT_EQ(backward<float>(1, 3, gate_up, {1, 1, 1}, false), (Values{0, 5, 0, 0, 200, 0}));
}

}  // namespace
}  // namespace recpo::kernels
