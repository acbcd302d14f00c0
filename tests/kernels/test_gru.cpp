#include <gtest/gtest.h>

#include "kernels/gru.hpp"
#include "tests/kernels/reference/gru.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

constexpr int kStep = 2;

// Sequence s begins at step s % 4: of four, two have begun, one begins now, one has not.
std::vector<int> first_steps(int sequences) {
  std::vector<int> first(sequences);
  for (int s = 0; s < sequences; ++s) first[s] = s % 4;
  return first;
}

template <class T>
struct Case {
  int sequences, hidden;
  std::vector<int> first = first_steps(sequences);
  Values a = test::random_values<T>(sequences * 3 * hidden, "a"),
         c = test::random_values<T>(sequences * 3 * hidden, "c"), bias = test::random_values<T>(3 * hidden, "bias"),
         h = test::random_values<T>(sequences * hidden, "h"), d = test::random_values<T>(sequences * hidden, "d");
};

struct Result {
  Values h_next, da, dc, dh;
};

// Forward and backward, whose gates are the forward's.
template <class T>
Result run(const Case<T>& k) {
  const Guarded<T> a(k.sequences, 3 * k.hidden, k.a), c(k.sequences, 3 * k.hidden, k.c), bias(k.bias),
      h(k.sequences, k.hidden, k.h), d(k.sequences, k.hidden, k.d), gates(k.sequences, 4 * k.hidden),
      h_next(k.sequences, k.hidden), da(k.sequences, 3 * k.hidden), dc(k.sequences, 3 * k.hidden),
      dh(k.sequences, k.hidden);
  const OwnedVector<int> first = test::to_device(k.first);
  gru_forward<T>(ExecSpace(), first, kStep, a.matrix(), c.matrix(), bias.vector(), h.matrix(), gates.matrix(),
                 h_next.matrix());
  gru_backward<T>(ExecSpace(), first, kStep, gates.matrix(), h.matrix(), d.matrix(), da.matrix(), dc.matrix(),
                  dh.matrix());
  gates.storage();  // checks its guards
  return {h_next.values(), da.values(), dc.values(), dh.values()};
}

template <class T>
void check(int sequences, int hidden) {
  SCOPED_TRACE(testing::Message() << sequences << " x " << hidden);
  const Case<T> k{sequences, hidden};
  const Result actual = run(k);
  Result expected{k.h, k.a, k.c, k.h};
  reference::gru_forward(hidden, k.first, kStep, k.a, k.c, k.bias, k.h, expected.h_next);
  reference::gru_backward(hidden, k.first, kStep, k.a, k.c, k.bias, k.h, k.d, expected.da, expected.dc, expected.dh);
  const double u = test::gamma<T>(1, 40);
  // Errors, first order: a gate's argument of two sums is off by 2u of its magnitude m, and its sigmoid, whose slope is
  // at most 1/4, by m/2 u and the roundings of exp, sum and quotient. tanh = 1 - 2 / (exp(2x) + 1): slope at most 1,
  // and quotients up to 2.
  struct Errors {
    double gate, n;
  };
  const auto errors = [&](std::int64_t i) {
    const auto s = i / hidden, j = i % hidden;
    const auto sum = [&](int part) {
      const auto at = s * 3 * hidden + part * hidden + j;
      return std::abs(k.a[at]) + std::abs(k.c[at]) + std::abs(k.bias[part * hidden + j]);
    };
    const double exponent = test::kExpRoundings + 2;
    const double gate = std::max(sum(0), sum(1)) / 2 + exponent;
    return Errors{gate * u, (sum(2) * (4 + gate) + 2 * (exponent + 2)) * u};
  };
  const auto value_bound = [&](std::int64_t i) {  // (1 - z) n + z h
    const Errors e = errors(i);
    return e.gate * (1 + std::abs(k.h[i])) + e.n + 4 * u * (1 + std::abs(k.h[i]));
  };
  test::expect_within<T>(actual.h_next, expected.h_next, value_bound, "h_next");
  test::expect_within<T>(
      actual.dh, expected.dh, [&](auto i) { return std::abs(k.d[i]) * (errors(i).gate + u); }, "dh");
  // Products of up to five factors, each at most 1 but d, h - n and c_n + b_n.
  const auto gradient_bound = [&](std::int64_t i) {
    const auto s = i / (3 * hidden), j = i % hidden;
    const std::int64_t at = s * hidden + j, n_at = s * 3 * hidden + 2 * hidden + j;
    const Errors e = errors(at);
    const double largest = 1 + std::abs(k.h[at]) + std::abs(k.c[n_at]) + std::abs(k.bias[2 * hidden + j]);
    return std::abs(k.d[at]) * largest * (4 * e.gate + 3 * e.n + 12 * u);
  };
  test::expect_within<T>(actual.da, expected.da, gradient_bound, "da");
  test::expect_within<T>(actual.dc, expected.dc, gradient_bound, "dc");
}

template <class T>
void check_shapes() {
  for (const int sequences : {1, 4, 33}) {
    for (const int hidden : {1, 15, 64}) check<T>(sequences, hidden);
  }
}

TEST(Gru, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(Gru, EqualsTheReferenceInDouble) { check_shapes<double>(); }

TEST(Gru, GradientsAreTheDerivativesOfTheForward) {
  const Case<double> k{5, 4};
  const Result result = run(k);
  const double noise = test::weighted_noise(result.h_next, k.d, 60);
  const auto loss = [&](Values Case<double>::*member) {
    return [&k, member](const Values& at) {
      Case<double> changed = k;
      changed.*member = at;
      return test::weighted_sum(run(changed).h_next, k.d);
    };
  };
  test::expect_gradient(loss(&Case<double>::a), k.a, result.da, noise, 60, "da");
  test::expect_gradient(loss(&Case<double>::c), k.c, result.dc, noise, 60, "dc");
  test::expect_gradient(loss(&Case<double>::h), k.h, result.dh, noise, 20, "dh");
}

TEST(Gru, LargeGatesSaturate) {
  Case<float> k{1, 1, {0}};
  k.a = {200, -200, 300};  // r = 1, z = 0, n = 1
  k.c = k.bias = {0, 0, 0};
  EXPECT_EQ(run(k).h_next, (Values{1}));
  k.a = {200, 200, 300};  // z = 1: the state stays
  EXPECT_EQ(run(k).h_next, k.h);
  k.a = {200, -200, -300};
  EXPECT_EQ(run(k).h_next, (Values{-1}));
}

}  // namespace
}  // namespace recpo::kernels
