#include <gtest/gtest.h>

#include "kernels/sequence_logp.hpp"
#include "tests/kernels/reference/completions.hpp"
#include "tests/support/guarded.hpp"
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

}  // namespace
}  // namespace recpo::kernels
