#include <gtest/gtest.h>

#include <limits>

#include "kernels/completions.hpp"
#include "kernels/reference/completions.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

// Targets in the order of a batch: the completions of a tree take turns, so that one's targets are no neighbours.
struct Targets {
  int completions;
  std::vector<int> completion, begin{0}, target;
  explicit Targets(int of_completions) : completions(of_completions) {
    std::vector<std::vector<int>> groups(completions);
    for (int m = 0, left = 7 * completions; left > 0; ++m, --left) {
      const int c = m % completions;
      if (m / completions > 1 + c % 6) continue;  // answers of different lengths
      groups[c].push_back(static_cast<int>(completion.size()));
      completion.push_back(c);
    }
    for (const std::vector<int>& group : groups) {
      target.insert(target.end(), group.begin(), group.end());
      begin.push_back(static_cast<int>(target.size()));
    }
  }
};

template <class T>
Values sum(const Targets& targets, const Values& token_logp) {
  const Guarded<T> in(token_logp);
  const Guarded<double> out(1, targets.completions);
  const auto begin = test::to_device(targets.begin), target = test::to_device(targets.target);
  completion_logp<T>(ExecSpace(), begin, target, in.vector(), out.vector());
  Kokkos::fence();
  return out.values();
}

template <class T>
Values spread(const Targets& targets, const Values& d_logp) {
  const Guarded<double> in(d_logp);
  const Guarded<T> out(1, static_cast<std::int64_t>(targets.completion.size()));
  const auto completion = test::to_device(targets.completion);
  completion_logp_backward<T>(ExecSpace(), completion, in.vector(), out.vector());
  Kokkos::fence();
  return out.values();
}

template <class T>
void check_sums() {
  for (const int completions : {1, 2, 5, 600}) {
    const Targets targets(completions);
    const auto count = static_cast<std::int64_t>(targets.completion.size());
    const Values logp = test::random_values<T>(count, "logp"), d = test::random_values<T>(completions, "d");
    Values magnitude(logp);
    for (double& value : magnitude) value = std::abs(value);
    const Values largest = reference::completion_logp(completions, targets.completion, magnitude);
    test::expect_within<double>(
        sum<T>(targets, logp), reference::completion_logp(completions, targets.completion, logp),
        [&](auto c) { return test::gamma<double>(8) * largest[c]; }, "logp");
    const Values spread_out = spread<T>(targets, d);
    for (std::int64_t m = 0; m < count; ++m) EXPECT_EQ(spread_out[m], d[targets.completion[m]]) << m;
  }
}

TEST(Completions, SumsEqualTheReferenceInFloat) { check_sums<float>(); }
TEST(Completions, SumsEqualTheReferenceInDouble) { check_sums<double>(); }

// Sets of 1, 2, .. 5 completions; a set of one has its answer's weight only, and some completions take no part.
struct Sets {
  std::vector<int> begin{0};
  Values slope, reference, offset, answer_weight, logp;
  Sets(int count, double scale) {
    Random random(3, "sets");
    for (int s = 0; s < count; ++s) {
      for (int k = 0; k <= s % 5; ++k) {
        slope.push_back(0.1 + 2 * random.uniform());
        reference.push_back(-scale * random.uniform());
        offset.push_back(k == 4 ? -std::numeric_limits<double>::infinity() : 9 * random.uniform());
        logp.push_back(-scale * random.uniform());
      }
      answer_weight.push_back(s % 2 == 0 ? 0.5 + s % 3 : 0);
      begin.push_back(static_cast<int>(slope.size()));
    }
  }

  static Values part(const Values& all, int from, int to) { return Values(all.begin() + from, all.begin() + to); }
  double loss(const Values& at, int s) const {
    const int from = begin[s], to = begin[s + 1];
    return reference::set_loss(part(slope, from, to), part(reference, from, to), part(offset, from, to),
                               answer_weight[s], part(at, from, to));
  }
  // Of the sum of all losses.
  double loss(const Values& at) const {
    double sum = 0;
    for (int s = 0; s + 1 < static_cast<int>(begin.size()); ++s) sum += loss(at, s);
    return sum;
  }
};

Values gradient(const Sets& sets, double scale, const ExecSpace& exec = ExecSpace()) {
  const Guarded<double> slope(sets.slope), reference(sets.reference), offset(sets.offset), weight(sets.answer_weight),
      logp(sets.logp), out(1, static_cast<std::int64_t>(sets.logp.size()));
  const auto begin = test::to_device(sets.begin);
  preference_gradient(exec, {begin, slope.vector(), reference.vector(), offset.vector(), weight.vector()}, scale,
                      logp.vector(), out.vector());
  exec.fence();
  return out.values();
}

// The loss in long double is good to the rounding of its result; a sum of them adds as many roundings.
TEST(Completions, GradientOfSetsIsTheDerivativeOfTheReference) {
  const Sets sets(20, 6);
  double magnitude = 0;
  for (int s = 0; s < 20; ++s) magnitude += std::abs(sets.loss(sets.logp, s));
  test::expect_gradient([&](const Values& at) { return sets.loss(at); }, sets.logp, gradient(sets, 1.0),
                        test::gamma<double>(21) * magnitude, sets.logp.size(), "d_logp");
}

TEST(Completions, GradientOfSetsIsScaled) {
  const Sets sets(40, 60);
  const Values once = gradient(sets, 1.0), scaled = gradient(sets, -0.125);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(scaled[i], -0.125 * once[i]) << i;
}

TEST(Completions, GradientOfSetsHasTheSameBitsForAnyNumberOfThreads) {
  const Sets sets(300, 60);
  test::expect_same_bits<double>([&](const ExecSpace& exec) { return gradient(sets, 0.01, exec); });
}

// Log-probs a thousand apart: weights of 0 and 1, nothing overflows.
TEST(Completions, GradientOfDistantLogProbsIsAStep) {
  Sets sets(0, 0);
  sets.begin = {0, 3, 6};
  sets.slope = {1, 1, 1, 1, 1, 1};
  sets.reference = sets.offset = {0, 0, 0, 0, 0, 0};
  sets.answer_weight = {0, 0};
  sets.logp = {-1000, 0, -2000, 0, -1000, -2000};
  EXPECT_EQ(gradient(sets, 1.0), (Values{-1, 1, 0, 0, 0, 0}));
}

}  // namespace
}  // namespace recpo::kernels
