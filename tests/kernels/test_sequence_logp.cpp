#include <gtest/gtest.h>

#include "kernels/sequence_logp.hpp"
#include "tests/kernels/reference/sequence_logp.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

constexpr int kPadding = 5;  // columns behind the vocabulary

// Rows of 0, 1, 2, ... targets; the last target of a row repeats its first one when there are several.
struct Targets {
  std::vector<int> begin{0}, token;
  Targets(int rows, int vocab) {
    Random random(5, "targets");
    for (int r = 0; r < rows; ++r) {
      const int count = rows == 1 ? 3 : r % 5;
      for (int m = 0; m < count; ++m) token.push_back(static_cast<int>(random.below(vocab)));
      if (count > 1) token.back() = token[begin.back()];
      begin.push_back(static_cast<int>(token.size()));
    }
  }
  int count() const { return static_cast<int>(token.size()); }
};

// Padding columns hold the largest values of all: they must not take part.
template <class T>
Values some_logits(int rows, int vocab, double scale) {
  Values logits = test::random_values<T>(rows * (vocab + kPadding), "logits", scale);
  for (int i = 0; i < rows * (vocab + kPadding); ++i) {
    if (i % (vocab + kPadding) >= vocab) logits[i] = 1000;
  }
  return logits;
}

template <class T>
struct Forward {
  Values lse, token_logp;
};

template <class T>
Forward<T> forward(int rows, int vocab, const Values& logits, const Targets& targets,
                   const ExecSpace& exec = ExecSpace()) {
  const Guarded<T> in(rows, vocab + kPadding, logits);
  const Guarded<T> lse(1, rows), token_logp(1, targets.count());
  const auto begin = test::to_device(targets.begin), token = test::to_device(targets.token);
  sequence_logp_forward<T>(exec, in.matrix(), vocab, begin, token, lse.vector(), token_logp.vector());
  exec.fence();
  return {lse.values(), token_logp.values()};
}

template <class T, class D = T>
Guarded<D> backward(int rows, int vocab, const Values& logits, const Targets& targets, const Values& lse_values,
                    const Values& d_values, const ExecSpace& exec = ExecSpace()) {
  const Guarded<T> in(rows, vocab + kPadding, logits), lse(lse_values), d(d_values);
  const Guarded<D> out(rows, vocab + kPadding);
  const auto begin = test::to_device(targets.begin), token = test::to_device(targets.token);
  sequence_logp_backward<T, D>(exec, begin, token, lse.vector(), d.vector(), vocab, in.matrix(), out.matrix());
  exec.fence();
  return out;
}

// The gradient in the logits' place.
template <class T>
Guarded<T> backward_in_place(int rows, int vocab, const Values& logits, const Targets& targets,
                             const Values& lse_values, const Values& d_values) {
  const Guarded<T> in_out(rows, vocab + kPadding, logits), lse(lse_values), d(d_values);
  const auto begin = test::to_device(targets.begin), token = test::to_device(targets.token);
  sequence_logp_backward<T>(ExecSpace(), begin, token, lse.vector(), d.vector(), vocab, in_out.matrix(),
                            in_out.matrix());
  return in_out;
}

// With d_v = logit_v - max: exp(d_v) is off by u (|d_v| + 4) relatively, so log sum exp by the mean of that under the
// softmax, and by the sum's depth; the logarithm (1 ulp) and what follows round their own results.
template <class T>
double log_sum_bound(const double* row, int vocab, double lse) {
  const double largest = *std::max_element(row, row + vocab);
  double spread = 0;
  for (int v = 0; v < vocab; ++v) spread += std::exp(row[v] - lse) * (largest - row[v]);
  return test::gamma<T>(spread + test::kExpRoundings + test::sum_depth(vocab) + 2 * (lse - largest), vocab + 8.0) +
         test::gamma<double>(4) * std::abs(lse);
}

template <class T>
void check_forward(int rows, int vocab, const Values& logits, const Targets& targets) {
  const int width = vocab + kPadding;
  Values lse(rows), token_logp(targets.count()), lse_bound(rows), logp_bound(targets.count());
  reference::sequence_logp_forward(rows, width, logits, vocab, targets.begin, targets.token, lse, token_logp);
  for (int r = 0; r < rows; ++r) {
    const double* row = &logits[r * width];
    const double log_sum = log_sum_bound<T>(row, vocab, lse[r]);
    const double largest = *std::max_element(row, row + vocab);
    lse_bound[r] = log_sum + test::gamma<T>(1) * std::abs(lse[r]);
    for (int m = targets.begin[r]; m < targets.begin[r + 1]; ++m) {
      logp_bound[m] = log_sum + test::gamma<T>(2) * (largest - row[targets.token[m]] + std::abs(token_logp[m]));
    }
  }
  const Forward<T> actual = forward<T>(rows, vocab, logits, targets);
  test::expect_within<T>(
      actual.lse, lse, [&](auto r) { return lse_bound[r]; }, "lse");
  test::expect_within<T>(
      actual.token_logp, token_logp, [&](auto m) { return logp_bound[m]; }, "token_logp");
}

template <class T, class D = T>
void check_backward(int rows, int vocab, const Values& logits, const Targets& targets) {
  const int width = vocab + kPadding;
  const Values lse = forward<T>(rows, vocab, logits, targets).lse;  // as the kernel has it, rounded
  const Values d = test::random_values<T>(targets.count(), "d_token_logp");
  Values expected;
  reference::sequence_logp_backward(rows, width, logits, vocab, targets.begin, targets.token, lse, d, expected);
  const auto bound = [&](std::int64_t i) {
    const int r = i / width, v = i % width, count = targets.begin[r + 1] - targets.begin[r];
    if (v >= vocab || count == 0) return 0.0;
    double total = 0;
    for (int m = targets.begin[r]; m < targets.begin[r + 1]; ++m) total += std::abs(d[m]);
    const double p = std::exp(logits[i] - lse[r]), roundings = std::abs(logits[i] - lse[r]) + test::kExpRoundings;
    const bool is_target =
        std::count(&targets.token[targets.begin[r]], &targets.token[targets.begin[r]] + count, v) > 0;
    const double error = total * (p * test::gamma<T>(roundings + count + 2, roundings + count + 2) +
                                  (is_target ? (1 + p) * test::gamma<T>(count, count) : 0));
    return test::stored<D>(error, expected[i]);
  };
  const Values actual = backward<T, D>(rows, vocab, logits, targets, lse, d).values();
  test::expect_within<T>(actual, expected, bound, "d_logits");
  for (int i = 0; i < rows * width; ++i) {
    if (i % width >= vocab) {
      ASSERT_EQ(actual[i], 0) << "padding";
    }
  }
  if constexpr (std::is_same_v<T, D>) {
    EXPECT_EQ(backward_in_place<T>(rows, vocab, logits, targets, lse, d).values(), actual);
  }
}

template <class T>
void check(int rows, int vocab, double scale) {
  SCOPED_TRACE(testing::Message() << rows << " x " << vocab << ", logits of scale " << scale);
  const Targets targets(rows, vocab);
  const Values logits = some_logits<T>(rows, vocab, scale);
  check_forward<T>(rows, vocab, logits, targets);
  check_backward<T>(rows, vocab, logits, targets);
  if constexpr (std::is_same_v<T, float>) check_backward<float, Bfloat16>(rows, vocab, logits, targets);
}

template <class T>
void check_shapes() {
  for (const int rows : {1, 2, 13}) {
    for (const int vocab : {1, 2, 63, 64, 1000}) check<T>(rows, vocab, 5.0);
  }
  check<T>(3, 4097, 50.0);
  check<T>(2, 128256, 3.0);
}

TEST(SequenceLogp, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(SequenceLogp, EqualsTheReferenceInDouble) { check_shapes<double>(); }

// Where the model is nearly sure of a target, d (1 - p) is all that is left of the gradient: it is formed from p as
// computed, not as stored. Rows whose target is alone, comes twice, or lies beside another.
TEST(SequenceLogp, TheGradientOfAProbableTargetIsRoundedOnce) {
  const int rows = 3, vocab = 70;
  Targets targets(0, vocab);
  targets.token = {5, 64, 64, 64, 3};
  targets.begin = {0, 1, 3, 5};
  for (const double lead : {4.0, 8.0, 12.0}) {
    SCOPED_TRACE(testing::Message() << "led by " << lead);
    Values logits = some_logits<float>(rows, vocab, 1.0);
    for (int r = 0; r < rows; ++r) logits[r * (vocab + kPadding) + targets.token[targets.begin[r]]] = lead;
    check_backward<float, Bfloat16>(rows, vocab, logits, targets);
    check_backward<float>(rows, vocab, logits, targets);
  }
}

TEST(SequenceLogp, GradientIsTheDerivativeOfTheForward) {
  const int rows = 7, vocab = 23;
  const Targets targets(rows, vocab);
  const Values logits = some_logits<double>(rows, vocab, 2.0);
  const Values d = test::random_values<double>(targets.count(), "d_token_logp");
  const auto loss = [&](const Values& x) {
    return test::weighted_sum(forward<double>(rows, vocab, x, targets).token_logp, d);
  };
  const Forward<double> at = forward<double>(rows, vocab, logits, targets);
  const double noise = test::weighted_noise(at.token_logp, d, vocab + 20) + test::gamma<double>(vocab + 20) * d.size();
  test::expect_gradient(loss, logits, backward<double>(rows, vocab, logits, targets, at.lse, d).values(), noise,
                        logits.size(), "d_logits");
}

TEST(SequenceLogp, HasTheSameBitsForAnyNumberOfThreads) {
  const int rows = 9, vocab = 5000;
  const Targets targets(rows, vocab);
  const Values logits = some_logits<float>(rows, vocab, 5.0), d = test::random_values<float>(targets.count(), "d");
  test::expect_same_bits<double>(
      [&](const ExecSpace& exec) { return forward<float>(rows, vocab, logits, targets, exec).lse; });
  const Values lse = forward<float>(rows, vocab, logits, targets).lse;
  test::expect_same_bits<double>(
      [&](const ExecSpace& exec) { return backward<float>(rows, vocab, logits, targets, lse, d, exec).values(); });
}

std::vector<int> argmax(int rows, int vocab, const Values& logits) {
  const Guarded<float> in(rows, vocab + kPadding, logits);
  const OwnedVector<int> index("recpo::test::index", rows);
  const Guarded<float> largest(1, rows), second(1, rows);
  argmax_rows<float>(ExecSpace(), in.matrix(), vocab, index, largest.vector(), second.vector());
  std::vector<int> host(rows);
  Kokkos::deep_copy(HostVector<int>(host.data(), rows), index);
  const Values values = largest.values(), others = second.values();
  for (int r = 0; r < rows; ++r) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>(r) * (vocab + kPadding);
    if (!std::isfinite(row[host[r]])) continue;
    EXPECT_EQ(values[static_cast<std::size_t>(r)], row[host[r]]);
    Values rest(row, row + vocab);
    rest.erase(rest.begin() + host[r]);
    double expected = std::numeric_limits<float>::lowest();
    for (const double other : rest) expected = other > expected ? other : expected;
    EXPECT_EQ(others[static_cast<std::size_t>(r)], expected);
  }
  return host;
}

TEST(Argmax, TakesTheFirstOfTheLargest) {
  for (const int vocab : {1, 2, 64, 65, 1000}) {
    const int rows = 11, width = vocab + kPadding;
    Values logits = some_logits<float>(rows, vocab, 1.0);
    for (double& value : logits) value = value == 1000 ? value : std::round(2 * value);  // many ties
    EXPECT_EQ(argmax(rows, vocab, logits), reference::argmax_rows(rows, width, logits, vocab)) << vocab;
  }
}

TEST(Argmax, SurvivesRowsWithoutALargest) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  Values logits(3 * (2 + kPadding), 1000.0);
  const Values pairs = {-inf, -inf, nan, nan, nan, -4};
  for (int i = 0; i < 6; ++i) logits[i / 2 * (2 + kPadding) + i % 2] = pairs[i];
  EXPECT_EQ(argmax(3, 2, logits), (std::vector<int>{0, 0, 1}));
}

}  // namespace
}  // namespace recpo::kernels
