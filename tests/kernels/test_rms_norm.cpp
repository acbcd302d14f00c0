#include <gtest/gtest.h>

#include "kernels/norm.hpp"
#include "tests/kernels/reference/rms_norm.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

constexpr double kEps = 1e-5;

template <class T>
struct Forward {
  Values y, inverse_rms;
};

template <class T>
Forward<T> forward(int tokens, int hidden, const Values& x, const Values& weight) {
  const Guarded<T> x_in(tokens, hidden, x), w(weight), y(tokens, hidden);
  const Guarded<Accumulate<T>> inverse_rms(1, tokens);
  rms_norm_forward<T>(ExecSpace(), x_in.matrix(), w.vector(), kEps, y.matrix(), inverse_rms.vector());
  return {y.values(), inverse_rms.values()};
}

template <class T>
void expect_forward(int tokens, int hidden, const Values& x, const Values& weight, const Forward<T>& actual) {
  Values y(tokens * hidden), inverse_rms(tokens);
  reference::rms_norm_forward(tokens, hidden, x, weight, kEps, y, inverse_rms);
  // A sum of squares of relative error depth + 1, mean and eps 3 more; its root halves that; root and reciprocal 2.
  const double r_bound = test::gamma<T>((test::sum_depth(hidden) + 4) / 2 + 2, hidden);
  test::expect_within<T>(
      actual.inverse_rms, inverse_rms, [&](auto t) { return inverse_rms[t] * r_bound; }, "inverse_rms");
  const double y_bound = r_bound + test::gamma<T>(2, 2);
  test::expect_within<T>(
      actual.y, y, [&](auto i) { return test::stored<T>(std::abs(y[i]) * y_bound, y[i]); }, "y");
}

template <class T>
void check_forward(int tokens, int hidden) {
  const Values x = test::random_values<T>(tokens * hidden, "x", 2.0);
  const Values weight = test::random_values<T>(hidden, "weight");
  expect_forward<T>(tokens, hidden, x, weight, forward<T>(tokens, hidden, x, weight));
}

// The gradient kernel's inputs: T's own inverse_rms, and what dx and d_weight hold before.
template <class T>
struct Case {
  int tokens, hidden;
  Values x = test::random_values<T>(tokens * hidden, "x"), weight = test::random_values<T>(hidden, "weight");
  Values dy = test::random_values<T>(tokens * hidden, "dy"), dx = test::random_values<T>(tokens * hidden, "dx");
  Values d_weight = test::random_values<Accumulate<T>>(hidden, "d_weight");
  Values inverse_rms = forward<T>(tokens, hidden, x, weight).inverse_rms;
};

template <class T>
std::pair<Guarded<T>, Guarded<Accumulate<T>>> backward(const Case<T>& c, const ExecSpace& exec = ExecSpace()) {
  const Guarded<T> x(c.tokens, c.hidden, c.x), weight(c.weight), dy(c.tokens, c.hidden, c.dy);
  const Guarded<T> dx(c.tokens, c.hidden, c.dx);
  const Guarded<Accumulate<T>> d_weight(c.d_weight), r(c.inverse_rms),
      workspace(1, rms_norm_workspace(c.tokens, c.hidden));
  rms_norm_backward<T>(exec, x.matrix(), weight.vector(), r.vector(), dy.matrix(), dx.matrix(), d_weight.vector(),
                       workspace.vector());
  exec.fence();
  workspace.values();  // checks its guards
  return {dx, d_weight};
}

// The magnitudes that enter: dx = dx0 + r (dy w - x r^2 mean(dy w x)), a mean of relative error depth + 3.
template <class T>
auto dx_bound(const Case<T>& c, const Values& dx, const Values& dx0) {
  const int hidden = c.hidden;
  Values mean(c.tokens, 0.0);
  for (int i = 0; i < c.tokens * hidden; ++i) {
    mean[i / hidden] += std::abs(c.dy[i] * c.weight[i % hidden] * c.x[i]) / hidden;
  }
  const double u = test::gamma<T>(1, hidden), depth = test::sum_depth(hidden);
  return [=](std::int64_t i) {
    const double r = c.inverse_rms[i / hidden], direct = r * std::abs(c.dy[i] * c.weight[i % hidden]);
    const double pull = std::abs(c.x[i]) * r * r * r * mean[i / hidden];
    return test::stored<T>(u * (5 * direct + (depth + 10) * pull + std::abs(dx0[i])), dx[i]);
  };
}

template <class T>
auto d_weight_bound(const Case<T>& c) {
  return [&c](std::int64_t h) {
    double magnitude = std::abs(c.d_weight[h]);
    for (int t = 0; t < c.tokens; ++t)
      magnitude += std::abs(c.dy[t * c.hidden + h] * c.x[t * c.hidden + h]) * c.inverse_rms[t];
    return test::gamma<T>(c.tokens + 3, c.tokens + 3) * magnitude;
  };
}

template <class T>
void check_backward(int tokens, int hidden) {
  const Case<T> c{tokens, hidden};
  Values dx = c.dx, d_weight = c.d_weight;
  reference::rms_norm_backward(tokens, hidden, c.x, c.weight, c.inverse_rms, c.dy, dx, d_weight);
  const auto [actual_dx, actual_d_weight] = backward(c);
  test::expect_within<T>(actual_dx.values(), dx, dx_bound(c, dx, c.dx), "dx");
  test::expect_within<T>(actual_d_weight.values(), d_weight, d_weight_bound(c), "d_weight");
}

template <class T>
void check_shapes() {
  for (const int tokens : {1, 2, 16, 17, 67}) {
    for (const int hidden : {1, 7, 64, 129, 576}) {
      SCOPED_TRACE(testing::Message() << tokens << " x " << hidden);
      check_forward<T>(tokens, hidden);
      check_backward<T>(tokens, hidden);
    }
  }
  check_forward<T>(3, 9001);  // more than two blocks of a sum
  check_backward<T>(3, 9001);
}

TEST(RmsNorm, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(RmsNorm, EqualsTheReferenceInDouble) { check_shapes<double>(); }
TEST(RmsNorm, EqualsTheReferenceInBfloat16) { check_shapes<Bfloat16>(); }

// Heads of rows are rows of the reference.
template <class T>
void check_heads(int tokens, int heads, int head_dim) {
  SCOPED_TRACE(testing::Message() << tokens << " x " << heads << " x " << head_dim);
  Case<T> c{tokens * heads, head_dim};
  const int width = heads * head_dim;
  const Guarded<T> weight(c.weight), x(tokens, width, c.x), before(tokens, width), d(tokens, width, c.dy);
  const Guarded<Accumulate<T>> inverse_rms(tokens, heads), d_weight(c.d_weight),
      workspace(1, head_norm_workspace(tokens, head_dim));
  head_norm_forward<T>(ExecSpace(), weight.vector(), kEps, x.matrix(), before.matrix(), inverse_rms.matrix());
  EXPECT_EQ(before.values(), c.x);
  c.inverse_rms = inverse_rms.values();
  expect_forward<T>(tokens * heads, head_dim, c.x, c.weight, {x.values(), c.inverse_rms});

  head_norm_backward<T>(ExecSpace(), weight.vector(), before.matrix(), inverse_rms.matrix(), d.matrix(),
                        d_weight.vector(), workspace.vector());
  workspace.values();  // checks its guards
  Values dx(c.dx.size(), 0.0), expected_d_weight = c.d_weight;
  reference::rms_norm_backward(tokens * heads, head_dim, c.x, c.weight, c.inverse_rms, c.dy, dx, expected_d_weight);
  test::expect_within<T>(d.values(), dx, dx_bound(c, dx, Values(dx.size(), 0.0)), "dx");
  test::expect_within<T>(d_weight.values(), expected_d_weight, d_weight_bound(c), "d_weight");
}

template <class T>
void check_heads() {
  for (const int tokens : {1, 16, 35}) {
    for (const int heads : {1, 3}) check_heads<T>(tokens, heads, 16);
    check_heads<T>(tokens, 2, 7);
  }
}

TEST(HeadNorm, EqualsTheReferenceInFloat) { check_heads<float>(); }
TEST(HeadNorm, EqualsTheReferenceInDouble) { check_heads<double>(); }
TEST(HeadNorm, EqualsTheReferenceInBfloat16) { check_heads<Bfloat16>(); }

TEST(RmsNorm, GradientIsTheDerivativeOfTheForward) {
  const int tokens = 19, hidden = 21;  // more than one chunk of rows
  Case<double> c{tokens, hidden};
  c.dx.assign(c.dx.size(), 0);
  c.d_weight.assign(c.d_weight.size(), 0);
  const auto [dx, d_weight] = backward(c);
  const auto loss_of_x = [&](const Values& x) {
    return test::weighted_sum(forward<double>(tokens, hidden, x, c.weight).y, c.dy);
  };
  const auto loss_of_weight = [&](const Values& weight) {
    return test::weighted_sum(forward<double>(tokens, hidden, c.x, weight).y, c.dy);
  };
  const double noise =
      test::weighted_noise(forward<double>(tokens, hidden, c.x, c.weight).y, c.dy, test::sum_depth(hidden) + 8);
  test::expect_gradient(loss_of_x, c.x, dx.values(), noise, 60, "dx");
  test::expect_gradient(loss_of_weight, c.weight, d_weight.values(), noise, hidden, "d_weight");
}

TEST(RmsNorm, GradientsHaveTheSameBitsForAnyNumberOfThreads) {
  const Case<float> c{333, 300};  // many chunks of rows, several strips of columns
  test::expect_same_bits<double>([&](const ExecSpace& exec) { return backward(c, exec).first.values(); });
  test::expect_same_bits<double>([&](const ExecSpace& exec) { return backward(c, exec).second.values(); });
}

TEST(RmsNorm, NoRowsIsNoWork) {
  const Case<float> c{0, 8};
  EXPECT_EQ(backward(c).second.values(), c.d_weight);
}

}  // namespace
}  // namespace recpo::kernels
