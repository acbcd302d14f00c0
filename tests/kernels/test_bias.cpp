#include <gtest/gtest.h>

#include "kernels/bias.hpp"
#include "tests/kernels/reference/bias.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

template <class T>
constexpr bool kIsSum = std::is_same_v<T, Accumulate<T>>;

template <class T>
Values forward(int rows, int width, const Values& bias, const Values& before, bool rectified) {
  const Guarded<T> b(bias), y(rows, width, before);
  if constexpr (kIsSum<T>) {
    if (rectified) bias_relu_forward<T>(ExecSpace(), b.vector(), y.matrix());
  }
  if (!rectified) bias_forward<T>(ExecSpace(), b.vector(), y.matrix());
  return y.values();
}

template <class T>
Values gradient_before_relu(int rows, int width, const Values& y_values, const Values& dy_values) {
  const Guarded<T> y(rows, width, y_values), dy(rows, width, dy_values);
  relu_backward<T>(ExecSpace(), y.matrix(), dy.matrix());
  return dy.values();
}

template <class T>
Values bias_gradient(int rows, int width, const Values& dy_values, const Values& before,
                     const ExecSpace& exec = ExecSpace()) {
  const Guarded<T> dy(rows, width, dy_values);
  const Guarded<Accumulate<T>> d_bias(before), workspace(1, bias_workspace(rows, width));
  bias_backward<T>(exec, dy.matrix(), d_bias.vector(), workspace.vector());
  exec.fence();
  workspace.storage();  // checks its guards
  return d_bias.values();
}

template <class T>
void check(int rows, int width) {
  SCOPED_TRACE(testing::Message() << rows << " x " << width);
  const Values bias = test::random_values<T>(width, "bias"), x = test::random_values<T>(rows * width, "x"),
               dy = test::random_values<T>(rows * width, "dy"),
               before = test::random_values<Accumulate<T>>(width, "before");
  for (const bool rectified : {false, true}) {
    if (rectified && !kIsSum<T>) continue;
    Values y = x;
    reference::bias_forward(bias, rectified, y);
    test::expect_within<T>(
        forward<T>(rows, width, bias, x, rectified), y,
        [&](auto i) { return test::stored<T>(test::gamma<T>(1, 1) * std::abs(y[i]), y[i]); }, "y");
    if (!rectified) continue;
    if constexpr (kIsSum<T>) {
      Values d = dy;
      reference::relu_backward(y, d);
      EXPECT_EQ(gradient_before_relu<T>(rows, width, y, dy), d);
    }
  }
  Values d_bias = before, magnitude(width, 0.0);
  reference::bias_backward(dy, d_bias);
  for (int i = 0; i < rows * width; ++i) magnitude[i % width] += std::abs(dy[i]);
  // 64 additions in a chunk, one a chunk, the one to what was there.
  const double depth = 65 + std::ceil(rows / 64.0);
  test::expect_within<T>(
      bias_gradient<T>(rows, width, dy, before), d_bias,
      [&](auto h) { return test::gamma<T>(depth, rows + 1) * (magnitude[h] + std::abs(before[h])); }, "d_bias");
}

template <class T>
void check_shapes() {
  for (const int rows : {1, 63, 64, 65, 300}) {
    for (const int width : {1, 15, 64, 200}) check<T>(rows, width);
  }
}

TEST(Bias, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(Bias, EqualsTheReferenceInDouble) { check_shapes<double>(); }
TEST(Bias, EqualsTheReferenceInBfloat16) { check_shapes<Bfloat16>(); }

TEST(Bias, GradientIsTheDerivativeOfTheForward) {
  const int rows = 5, width = 7;
  const Values bias = test::random_values<double>(width, "bias"), x = test::random_values<double>(rows * width, "x"),
               dy = test::random_values<double>(rows * width, "dy");
  const Values y = forward<double>(rows, width, bias, x, true);
  const Values d = gradient_before_relu<double>(rows, width, y, dy);
  const auto of_bias = [&](const Values& at) {
    return test::weighted_sum(forward<double>(rows, width, at, x, true), dy);
  };
  const auto of_x = [&](const Values& at) {
    return test::weighted_sum(forward<double>(rows, width, bias, at, true), dy);
  };
  const double noise = test::weighted_noise(y, dy, 2);
  test::expect_gradient(of_x, x, d, noise, rows * width, "dx");
  test::expect_gradient(of_bias, bias, bias_gradient<double>(rows, width, d, Values(width, 0.0)), noise, width,
                        "d_bias");
}

TEST(Bias, TheRectifierKeepsNaN) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(forward<float>(1, 1, {1.0}, {nan}, true)[0]));
}

TEST(Bias, SumsHaveTheSameBitsForAnyNumberOfThreads) {
  const Values dy = test::random_values<float>(999 * 130, "dy");
  test::expect_same_bits<double>(
      [&](const ExecSpace& exec) { return bias_gradient<float>(999, 130, dy, Values(130, 0.0), exec); });
}

}  // namespace
}  // namespace recpo::kernels
