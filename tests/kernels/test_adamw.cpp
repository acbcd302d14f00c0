#include <gtest/gtest.h>

#include "kernels/adamw.hpp"
#include "tests/kernels/reference/adamw.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/host_values.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

template <class T>
struct State {
  Guarded<T> m, v, weight;
  explicit State(const Values& start) : m(Values(start.size(), 0.0)), v(Values(start.size(), 0.0)), weight(start) {}

  void step(const AdamWCoefficients& c, const Values& gradient, const ExecSpace& exec = ExecSpace()) {
    const Guarded<T> g(gradient);
    adamw_step<T>(exec, c, g.vector(), m.vector(), v.vector(), weight.vector());
    exec.fence();
  }
};

// One step of the kernel against one of the reference from the kernel's own state: the bounds of every step are then
// those of one, and an error of any step is seen.
template <class T>
void check_step(const AdamWCoefficients& c, const Values& gradient, State<T>& state) {
  Values m = state.m.values(), v = state.v.values(), weight = state.weight.values();
  const Values m_before = m, weight_before = weight;
  reference::adamw_step(c, gradient, m, v, weight);
  state.step(c, gradient);
  const double rate = c.lr / (1 - std::pow(c.beta1, c.step)), u = test::gamma<T>(1, 1);
  const auto m_bound = [&](std::int64_t i) {  // coefficients, g, products, sum
    return 6 * u * (std::abs(c.beta1 * m_before[i]) + std::abs((1 - c.beta1) * c.gradient_scale * gradient[i]));
  };
  test::expect_within<T>(state.m.values(), m, m_bound, "m");
  test::expect_within<T>(
      state.v.values(), v, [&](auto i) { return 9 * u * v[i]; }, "v");
  const auto weight_bound = [&](std::int64_t i) {
    const double denominator = std::sqrt(v[i] / (1 - std::pow(c.beta2, c.step))) + c.eps;
    const double update = rate * std::abs(m[i]) / denominator, decay = c.lr * c.weight_decay;
    // v's 9 halved by the root, the root, its correction, eps, sum, rate, product and quotient; m's own error.
    return u * (13 * update + 3 * decay * std::abs(weight_before[i]) + 3 * (std::abs(weight_before[i]) + update)) +
           rate * m_bound(i) / denominator;
  };
  test::expect_within<T>(state.weight.values(), weight, weight_bound, "weight");
}

template <class T>
void check_steps(std::int64_t n) {
  SCOPED_TRACE(testing::Message() << n << " weights");
  AdamWCoefficients c{1e-2, 0.9, 0.95, 1e-8, 0.1, 1, 0.25};
  State<T> state(test::random_values<T>(n, "weight"));
  for (c.step = 1; c.step <= 6; ++c.step) {
    Values gradient = test::random_values<T>(n, "gradient" + std::to_string(c.step), 3.0);
    gradient[0] = 0;  // never moves but by decay
    check_step<T>(c, gradient, state);
  }
}

template <class T>
void check_sizes() {
  for (const std::int64_t n : {1, 17, 4096, 4097, 10001}) check_steps<T>(n);
}

TEST(AdamW, EqualsTheReferenceInFloat) { check_sizes<float>(); }
TEST(AdamW, EqualsTheReferenceInDouble) { check_sizes<double>(); }

// The first step moves every weight by lr in the direction of its gradient's sign, however small the gradient.
TEST(AdamW, FirstStepHasLengthLr) {
  const AdamWCoefficients c{1e-3, 0.9, 0.999, 0.0, 0.0, 1, 1.0};
  State<double> state({1.0, 1.0, 1.0});
  state.step(c, {1e-9, -5.0, 300.0});
  const Values weight = state.weight.values();
  EXPECT_NEAR(weight[0], 0.999, test::gamma<double>(12));
  EXPECT_NEAR(weight[1], 1.001, test::gamma<double>(12));
  EXPECT_NEAR(weight[2], 0.999, test::gamma<double>(12));
}

// The L2 term is a part of the gradient: the same step comes from a gradient to which it was added before. In double,
// from weights and gradients of one sign, so that nothing cancels: two roundings more of g, which move m by as much, v
// by twice and the update by three times as much.
TEST(AdamW, L2IsAddedToTheGradient) {
  const std::int64_t n = 1000;
  AdamWCoefficients with{1e-2, 0.9, 0.99, 1e-8, 0.0, 1, 0.5};
  with.l2 = 0.3;
  AdamWCoefficients without = with;
  without.l2 = 0;
  without.gradient_scale = 1;
  Values weight = test::random_values<double>(n, "weight"), gradient = test::random_values<double>(n, "gradient");
  Values sum(n);
  for (std::int64_t i = 0; i < n; ++i) {
    gradient[i] = std::copysign(gradient[i], weight[i]);
    sum[i] = 0.5 * gradient[i] + 0.3 * weight[i];
  }
  State<double> expected(weight), actual(weight);
  expected.step(without, sum);
  actual.step(with, gradient);
  const Values m = expected.m.values(), v = expected.v.values(), moved = expected.weight.values();
  const double u = test::gamma<double>(1);
  test::expect_within<double>(
      actual.m.values(), m, [&](auto i) { return 6 * u * std::abs(m[i]); }, "m");
  test::expect_within<double>(
      actual.v.values(), v, [&](auto i) { return 12 * u * v[i]; }, "v");
  test::expect_within<double>(
      actual.weight.values(), moved, [&](auto i) { return 20 * u * with.lr + 2 * u * std::abs(moved[i]); }, "weight");
}

TEST(AdamW, HasTheSameBitsForAnyNumberOfThreads) {
  const AdamWCoefficients c{1e-2, 0.9, 0.999, 1e-8, 0.1, 3, 1.0};
  const Values weight = test::random_values<float>(50001, "weight"), g = test::random_values<float>(50001, "g");
  test::expect_same_bits<double>([&](const ExecSpace& exec) {
    State<float> state(weight);
    state.step(c, g, exec);
    return state.weight.values();
  });
}

// A moment that is rounded to bfloat16: never further off than one unit of it, and right in the mean; v, whose every
// update is below half a unit, follows its target, where rounding to nearest would never move.
TEST(AdamW, ShortMomentsAreRightInTheMean) {
  const std::int64_t n = 20000;
  const Guarded<float> weight(Values(n, 1.0)), gradient(Values(n, 1.0));
  const OwnedVector<Bfloat16> m("m", n), v("v", n);
  AdamWCoefficients c{1e-3, 0.9, 0.999, 1e-8, 0.0, 1, 1.0};
  double expected_m = 0, expected_v = 0;
  for (c.step = 1; c.step <= 300; ++c.step) {
    adamw_step<float, Bfloat16>(ExecSpace(), c, gradient.vector(), m, v, weight.vector());
    expected_m = c.beta1 * expected_m + (1 - c.beta1);
    expected_v = c.beta2 * expected_v + (1 - c.beta2);
  }
  double mean_m = 0, mean_v = 0;
  for (const Bfloat16 value : test::host_values<Bfloat16>(m)) mean_m += static_cast<float>(value) / n;
  for (const Bfloat16 value : test::host_values<Bfloat16>(v)) mean_v += static_cast<float>(value) / n;
  // Each rounding is off by less than a unit, 2^-7 of the value, independently; 300 of them, damped by beta, over n.
  const double unit = 0x1p-7, deviations = 6;
  EXPECT_NEAR(mean_m, expected_m, deviations * unit * expected_m * std::sqrt(10.0 / n));
  EXPECT_NEAR(mean_v, expected_v, deviations * unit * expected_v * std::sqrt(300.0 / n));
}

TEST(AdamW, ShortMomentsOfASliceAreThoseOfTheWhole) {
  const std::int64_t n = 1000, begin = 300;
  const Values start = test::random_values<float>(n, "weight"), g = test::random_values<float>(n, "g");
  const auto run = [&](std::int64_t first, std::int64_t size) {
    const Values own_start(start.begin() + first, start.begin() + first + size);
    const Guarded<float> weight(own_start), gradient(Values(g.begin() + first, g.begin() + first + size));
    const OwnedVector<Bfloat16> m("m", size), v("v", size);
    AdamWCoefficients c{1e-2, 0.9, 0.999, 1e-8, 0.1, 1, 1.0};
    c.first_element = first;
    for (c.step = 1; c.step <= 5; ++c.step) {
      adamw_step<float, Bfloat16>(ExecSpace(), c, gradient.vector(), m, v, weight.vector());
    }
    return weight.values();
  };
  const Values whole = run(0, n), slice = run(begin, n - begin);
  EXPECT_EQ(slice, Values(whole.begin() + begin, whole.end()));
}

TEST(Bfloat16, StochasticRoundingKeepsWhatItHolds) {
  for (const float held : {0.0f, 1.0f, -2.5f, 0x1p-130f, std::numeric_limits<float>::infinity()}) {
    for (const std::uint32_t random : {0u, 1u, 0x7FFFu, 0xFFFFu}) {
      EXPECT_EQ(static_cast<float>(round_stochastically(held, random)), held) << held;
    }
  }
  EXPECT_TRUE(std::isnan(static_cast<float>(round_stochastically(std::numeric_limits<float>::quiet_NaN(), 0xFFFFu))));
  EXPECT_EQ(static_cast<float>(round_stochastically(1.0f + 0x1p-8f, 0)), 1.0f);  // halfway to the next: down or up
  EXPECT_EQ(static_cast<float>(round_stochastically(1.0f + 0x1p-8f, 0xFFFFu)), 1.0f + 0x1p-7f);
}

}  // namespace
}  // namespace recpo::kernels
