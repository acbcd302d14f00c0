#include <gtest/gtest.h>

#include "kernels/norm.hpp"
#include "tests/kernels/reference/layer_norm.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

constexpr double kEps = 1e-8;

template <class T>
reference::LayerNorm forward(int rows, int hidden, const Values& x_values, const Values& w_values,
                             const Values& b_values) {
  const Guarded<T> x(rows, hidden, x_values), w(w_values), b(b_values), y(rows, hidden);
  const Guarded<T> mean(1, rows), inverse(1, rows);
  layer_norm_forward<T>(ExecSpace(), x.matrix(), w.vector(), b.vector(), kEps, y.matrix(), mean.vector(),
                        inverse.vector());
  return {y.values(), mean.values(), inverse.values()};
}

// Inputs of the gradient: T's own statistics, and what the sums hold before.
template <class T>
struct Case {
  int rows, hidden;
  Values x = test::random_values<T>(rows * hidden, "x"), weight = test::random_values<T>(hidden, "weight"),
         bias = test::random_values<T>(hidden, "bias"), dy = test::random_values<T>(rows * hidden, "dy"),
         dx = test::random_values<T>(rows * hidden, "dx"), d_weight = test::random_values<T>(hidden, "d_weight"),
         d_bias = test::random_values<T>(hidden, "d_bias");
  reference::LayerNorm forward_values = forward<T>(rows, hidden, x, weight, bias);
};

struct Gradients {
  Values dx, d_weight, d_bias;
};

template <class T>
Gradients backward(const Case<T>& c, const ExecSpace& exec = ExecSpace()) {
  const Guarded<T> x(c.rows, c.hidden, c.x), w(c.weight), dy(c.rows, c.hidden, c.dy), dx(c.rows, c.hidden, c.dx),
      d_weight(c.d_weight), d_bias(c.d_bias), mean(c.forward_values.mean), inverse(c.forward_values.inverse_deviation),
      workspace(1, layer_norm_workspace(c.rows, c.hidden));
  layer_norm_backward<T>(exec, x.matrix(), w.vector(), mean.vector(), inverse.vector(), dy.matrix(), dx.matrix(),
                         d_weight.vector(), d_bias.vector(), workspace.vector());
  exec.fence();
  workspace.storage();  // checks its guards
  return {dx.values(), d_weight.values(), d_bias.values()};
}

template <class T>
void check_forward(const Case<T>& c) {
  const reference::LayerNorm expected = reference::layer_norm_forward(c.rows, c.hidden, c.x, c.weight, c.bias, kEps);
  const double depth = test::sum_depth(c.hidden), u = test::gamma<T>(1, c.hidden);
  std::vector<double> mean_error(c.rows, 0.0);
  for (int i = 0; i < c.rows * c.hidden; ++i) mean_error[i / c.hidden] += (depth + 1) * u * std::abs(c.x[i]) / c.hidden;
  test::expect_within<T>(
      c.forward_values.mean, expected.mean, [&](auto t) { return mean_error[t]; }, "mean");
  // The deviations carry the mean's error e and a rounding each; their squares' mean is off by
  // 2 e mean|d| + e^2 <= 2 e s + e^2 (s the deviation) beside (depth + 4) roundings; the root halves it.
  const auto inverse_error = [&](std::int64_t t) {
    const double r = expected.inverse_deviation[t], e = mean_error[t] + u * std::abs(expected.mean[t]);
    return r * (((depth + 6) * u + 2 * e * r + e * e * r * r) / 2 + 3 * u) * 1.01;
  };
  test::expect_within<T>(c.forward_values.inverse_deviation, expected.inverse_deviation, inverse_error, "inverse");
  test::expect_within<T>(
      c.forward_values.y, expected.y,
      [&](auto i) {
        const auto t = i / c.hidden;
        const double r = expected.inverse_deviation[t], w = std::abs(c.weight[i % c.hidden]);
        const double d = std::abs(c.x[i] - expected.mean[t]);
        return w * (r * mean_error[t] + d * inverse_error(t)) * 1.01 + 4 * u * (w * d * r + std::abs(expected.y[i])) +
               u * std::abs(c.bias[i % c.hidden]);
      },
      "y");
}

template <class T>
void check_backward(const Case<T>& c) {
  const reference::LayerNorm& f = c.forward_values;
  Gradients expected{c.dx, c.d_weight, c.d_bias};
  reference::layer_norm_backward(c.rows, c.hidden, c.x, c.weight, f.mean, f.inverse_deviation, c.dy, expected.dx,
                                 expected.d_weight, expected.d_bias);
  const Gradients actual = backward(c);
  // Magnitudes: the means of |g| and |g x^| with sums of the row's depth; every term a handful of roundings.
  const double u = test::gamma<T>(1, c.hidden + c.rows), depth = test::sum_depth(c.hidden);
  const auto normal = [&](std::int64_t i) {
    const auto t = i / c.hidden;
    return (std::abs(c.x[i]) + std::abs(f.mean[t])) * f.inverse_deviation[t];
  };
  Values g_mean(c.rows, 0.0), pull(c.rows, 0.0), weight_sum(c.hidden, 0.0), bias_sum(c.hidden, 0.0);
  for (int i = 0; i < c.rows * c.hidden; ++i) {
    const double g = std::abs(c.dy[i] * c.weight[i % c.hidden]);
    g_mean[i / c.hidden] += g / c.hidden;
    pull[i / c.hidden] += g * normal(i) / c.hidden;
    weight_sum[i % c.hidden] += std::abs(c.dy[i]) * normal(i);
    bias_sum[i % c.hidden] += std::abs(c.dy[i]);
  }
  test::expect_within<T>(
      actual.dx, expected.dx,
      [&](auto i) {
        const auto t = i / c.hidden;
        const double g = std::abs(c.dy[i] * c.weight[i % c.hidden]);
        return u * ((depth + 9) * f.inverse_deviation[t] * (g + g_mean[t] + normal(i) * pull[t]) + std::abs(c.dx[i]) +
                    std::abs(expected.dx[i]));
      },
      "dx");
  const double chunks = 68 + std::ceil(c.rows / 64.0);  // of kernels/bias.cpp, and three roundings of a term
  test::expect_within<T>(
      actual.d_weight, expected.d_weight,
      [&](auto h) { return u * chunks * (weight_sum[h] + std::abs(c.d_weight[h])); }, "d_weight");
  test::expect_within<T>(
      actual.d_bias, expected.d_bias, [&](auto h) { return u * chunks * (bias_sum[h] + std::abs(c.d_bias[h])); },
      "d_bias");
}

template <class T>
void check_shapes() {
  for (const int rows : {1, 2, 65, 130}) {
    for (const int hidden : {2, 15, 64, 200}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << hidden);
      const Case<T> c{rows, hidden};
      check_forward(c);
      check_backward(c);
    }
  }
}

TEST(LayerNorm, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(LayerNorm, EqualsTheReferenceInDouble) { check_shapes<double>(); }

TEST(LayerNorm, GradientsAreTheDerivativesOfTheForward) {
  Case<double> c{3, 9};
  std::fill(c.dx.begin(), c.dx.end(), 0.0);
  std::fill(c.d_weight.begin(), c.d_weight.end(), 0.0);
  std::fill(c.d_bias.begin(), c.d_bias.end(), 0.0);
  const auto loss = [&](const Values& x, const Values& w, const Values& b) {
    return test::weighted_sum(forward<double>(c.rows, c.hidden, x, w, b).y, c.dy);
  };
  const Gradients gradients = backward(c);
  // A deviation carries the rounding of the mean too: that of x's own size, times 1 / deviation (about 1 here).
  const double noise = test::weighted_noise(c.forward_values.y, c.dy, 3 * test::sum_depth(c.hidden) + 20);
  const auto of_x = [&](const Values& x) { return loss(x, c.weight, c.bias); };
  const auto of_weight = [&](const Values& w) { return loss(c.x, w, c.bias); };
  const auto of_bias = [&](const Values& b) { return loss(c.x, c.weight, b); };
  test::expect_gradient(of_x, c.x, gradients.dx, noise, 27, "dx");
  test::expect_gradient(of_weight, c.weight, gradients.d_weight, noise, 9, "d_weight");
  test::expect_gradient(of_bias, c.bias, gradients.d_bias, noise, 9, "d_bias");
}

TEST(LayerNorm, GradientsHaveTheSameBitsForAnyNumberOfThreads) {
  const Case<float> c{333, 70};
  test::expect_same_bits<double>([&](const ExecSpace& exec) { return backward(c, exec).dx; });
  test::expect_same_bits<double>([&](const ExecSpace& exec) { return backward(c, exec).d_weight; });
}

}  // namespace
}  // namespace recpo::kernels
