#include <gtest/gtest.h>

#include "kernels/dropout.hpp"
#include "tests/kernels/reference/dropout.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

std::vector<int> random_keys(int tokens) {
  Random random(3, "dropout keys");
  std::vector<int> keys(tokens);
  for (int& key : keys) key = static_cast<int>(random.next() >> 33);
  return keys;
}

struct Place {
  std::uint64_t salt = 0;
  double probability = 0;
  std::int64_t first_column = 0;
};

template <class T>
Values forward(const std::vector<int>& keys, const Place& place, const Values& x) {
  const auto tokens = static_cast<std::int64_t>(keys.size());
  const OwnedVector<int> key = test::to_device(keys);
  const std::int64_t width = static_cast<std::int64_t>(x.size()) / tokens;
  const Guarded<T> in(tokens, width, x), out(tokens, width);
  dropout_forward<T>(ExecSpace(), {key, place.salt, place.probability, place.first_column}, in.matrix(), out.matrix());
  return out.values();
}

// What is left in dx, which holds `before`.
template <class T>
Values backward(const std::vector<int>& keys, const Place& place, const Values& dy, const Values& before) {
  const auto tokens = static_cast<std::int64_t>(keys.size());
  const OwnedVector<int> key = test::to_device(keys);
  const std::int64_t width = static_cast<std::int64_t>(dy.size()) / tokens;
  const Guarded<T> in(tokens, width, dy), dx(tokens, width, before);
  dropout_backward<T>(ExecSpace(), {key, place.salt, place.probability, place.first_column}, in.matrix(), dx.matrix());
  return dx.values();
}

template <class T>
void check(int tokens, int width, const Place& place) {
  SCOPED_TRACE(testing::Message() << tokens << " x " << width << ", probability " << place.probability);
  const std::vector<int> keys = random_keys(tokens);
  const Values x = test::random_values<T>(tokens * width, "x"), before = test::random_values<T>(tokens * width, "dx");
  const Values y = reference::dropout(x, keys, place.salt, place.probability, place.first_column);
  // 1 / (1 - probability) is rounded to T, the product once more; in the backward also the sum.
  test::expect_within<T>(
      forward<T>(keys, place, x), y,
      [&](auto i) { return test::stored<T>(test::gamma<T>(2, 2) * std::abs(y[i]), y[i]); }, "y");
  Values dx(y.size());
  for (std::size_t i = 0; i < dx.size(); ++i) dx[i] = before[i] + y[i];
  const auto bound = [&](std::int64_t i) {
    return test::stored<T>(test::gamma<T>(3, 3) * (std::abs(before[i]) + std::abs(y[i])), dx[i]);
  };
  test::expect_within<T>(backward<T>(keys, place, x, before), dx, bound, "dx");
}

template <class T>
void check_shapes() {
  for (const int tokens : {1, 2, 33}) {
    for (const int width : {1, 15, 64, 1536}) {
      for (const double probability : {0.0, 0.05, 0.5, 0.9}) check<T>(tokens, width, {515, probability, 0});
      check<T>(tokens, width, {(std::uint64_t{80} << 8) + 6, 0.3, 4096});
    }
  }
}

TEST(Dropout, EqualsTheReferenceInFloat) { check_shapes<float>(); }
TEST(Dropout, EqualsTheReferenceInDouble) { check_shapes<double>(); }
TEST(Dropout, EqualsTheReferenceInBfloat16) { check_shapes<Bfloat16>(); }

// The forward is linear in x, so that differences have no truncation.
TEST(Dropout, GradientIsTheDerivativeOfTheForward) {
  const std::vector<int> keys = random_keys(6);
  const Place place{257, 0.4, 0};
  const Values x = test::random_values<double>(6 * 15, "x"), dy = test::random_values<double>(6 * 15, "dy");
  const auto loss = [&](const Values& at) { return test::weighted_sum(forward<double>(keys, place, at), dy); };
  const double noise = test::weighted_noise(forward<double>(keys, place, x), dy, 2);
  test::expect_gradient(loss, x, backward<double>(keys, place, dy, Values(x.size(), 0.0)), noise, 90, "dx");
}

TEST(Dropout, AColumnIsTheSameInAnyPartOfTheWidth) {
  constexpr int kTokens = 7, kWidth = 96;
  const std::vector<int> keys = random_keys(kTokens);
  const Values ones(kTokens * kWidth, 1.0), whole = forward<float>(keys, {770, 0.3, 0}, ones);
  for (const int parts : {2, 3, 4}) {
    const int width = kWidth / parts;
    for (int part = 0; part < parts; ++part) {
      const Values own = forward<float>(keys, {770, 0.3, part * width}, Values(kTokens * width, 1.0));
      for (int i = 0; i < kTokens * width; ++i) {
        const int t = i / width, column = part * width + i % width;
        ASSERT_EQ(own[i], whole[t * kWidth + column]) << parts << " parts, token " << t << ", column " << column;
      }
    }
  }
}

// Six standard deviations of a binomial count: chance alone passes this in all but 2 of 10^9 draws.
double binomial_bound(double n, double share) { return 6 * std::sqrt(n * share * (1 - share)); }

void expect_share(const char* what, double count, double n, double share) {
  EXPECT_NEAR(count, n * share, binomial_bound(n, share)) << what;
}

// Shares of kept elements, and of those kept together with a neighbour of the same row, the same column, the next
// salt: were the draws of neighbours not independent, these would not be squares.
TEST(Dropout, KeepsTheShareAskedForIndependentlyOfNeighbours) {
  constexpr int kTokens = 512, kWidth = 768;
  std::vector<int> keys(kTokens);
  for (int t = 0; t < kTokens; ++t) keys[t] = t;  // the weakest keys
  const Values ones(kTokens * kWidth, 1.0);
  for (const double probability : {0.05, 0.1, 0.5, 0.9}) {
    SCOPED_TRACE(probability);
    const Values own = forward<float>(keys, {256, probability, 0}, ones),
                 next_salt = forward<float>(keys, {257, probability, 0}, ones);
    double kept = 0, with_column = 0, with_row = 0, with_salt = 0;
    for (int t = 0; t < kTokens; ++t) {
      for (int c = 0; c < kWidth; ++c) {
        const int i = t * kWidth + c;
        if (own[i] == 0) continue;
        ++kept;
        if (c + 1 < kWidth && own[i + 1] != 0) ++with_column;
        if (t + 1 < kTokens && own[i + kWidth] != 0) ++with_row;
        if (next_salt[i] != 0) ++with_salt;
      }
    }
    const double share = 1 - probability, n = kTokens * kWidth;
    expect_share("kept", kept, n, share);
    // A pair shares its elements with other pairs; the count's variance is below three times that of free pairs.
    const double room = std::sqrt(3.0);
    EXPECT_NEAR(with_column, kTokens * (kWidth - 1) * share * share, room * binomial_bound(n, share * share));
    EXPECT_NEAR(with_row, (kTokens - 1) * kWidth * share * share, room * binomial_bound(n, share * share));
    expect_share("with the next salt", with_salt, n, share * share);
  }
}

// Rows and columns each have a share of their own: a mask that repeats along either would pass the totals.
TEST(Dropout, EveryRowAndColumnHasItsShare) {
  constexpr int kTokens = 1024, kWidth = 512;
  const Values y = forward<float>(random_keys(kTokens), {261, 0.25, 0}, Values(kTokens * kWidth, 1.0));
  std::vector<double> rows(kTokens, 0), columns(kWidth, 0);
  for (int i = 0; i < kTokens * kWidth; ++i) {
    rows[i / kWidth] += y[i] != 0;
    columns[i % kWidth] += y[i] != 0;
  }
  for (const double count : rows) expect_share("row", count, kWidth, 0.75);
  for (const double count : columns) expect_share("column", count, kTokens, 0.75);
}

}  // namespace
}  // namespace recpo::kernels
