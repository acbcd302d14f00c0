#include <gtest/gtest.h>

#include "kernels/reductions.hpp"
#include "tests/kernels/reference/reductions.hpp"
#include "tests/support/guarded.hpp"
#include "tests/support/threads.hpp"
#include "tests/support/tolerance.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

constexpr std::int64_t kChunk = 1 << 16;

template <class T>
Values square_sums(const Values& values, const ExecSpace& exec = ExecSpace()) {
  const Guarded<T> x(values);
  const auto n = static_cast<std::int64_t>(values.size());
  const Guarded<double> partial(1, (n + kChunk - 1) / kChunk);
  square_sum_chunks<T>(exec, x.vector(), kChunk, partial.vector());
  exec.fence();
  return partial.values();
}

template <class T>
void check_square_sums() {
  for (const std::int64_t n : {std::int64_t{1}, std::int64_t{63}, kChunk, 2 * kChunk + 1001}) {
    const Values x = test::random_values<T>(n, "x");
    const Values expected = reference::square_sum_chunks(x, kChunk);
    const double bound = test::gamma<double>(test::sum_depth(kChunk) + 1) + test::gamma<double>(kChunk);
    test::expect_within<double>(
        square_sums<T>(x), expected, [&](auto i) { return bound * expected[i]; }, "square sum");
  }
}

template <class T>
void check_add() {
  for (const std::int64_t n : {1, 4096, 9001}) {
    const Values x = test::random_values<T>(n, "x"), y = test::random_values<T>(n, "y");
    Values expected = y;
    for (std::int64_t i = 0; i < n; ++i) expected[i] = static_cast<T>(static_cast<T>(y[i]) + static_cast<T>(x[i]));
    const Guarded<T> x_in(x), y_in(y);
    add<T>(ExecSpace(), x_in.vector(), y_in.vector());
    EXPECT_EQ(y_in.values(), expected);
  }
}

template <class T>
void check_rows() {
  const int tokens = 12;
  const std::vector<int> rows = {11, 0, 5, 6, 3};
  const auto device_rows = test::to_device(rows);
  for (const int width : {1, 31, 130}) {
    const Values x = test::random_values<T>(tokens * width, "x");
    const Values y = test::random_values<T>(rows.size() * width, "y");
    const Guarded<T> x_in(tokens, width, x), y_in(rows.size(), width, y), out(rows.size(), width);
    Values gathered(rows.size() * width), scattered = x;
    gather_rows<T>(ExecSpace(), device_rows, x_in.matrix(), out.matrix());
    reference::gather_rows(width, rows, x, gathered);
    EXPECT_EQ(out.values(), gathered);
    scatter_add_rows<T>(ExecSpace(), device_rows, y_in.matrix(), x_in.matrix());
    reference::scatter_add_rows(width, rows, y, scattered);
    for (double& value : scattered) value = static_cast<T>(value);  // one sum: one rounding
    EXPECT_EQ(x_in.values(), scattered);
  }
}

TEST(Reductions, SquareSumsEqualTheReference) {
  check_square_sums<float>();
  check_square_sums<double>();
}

TEST(Reductions, SquareSumsOfFloatsDoNotOverflow) {
  EXPECT_EQ(square_sums<float>({0x1p100, 0x1p100}), Values{0x1p201});
}

TEST(Reductions, SquareSumsHaveTheSameBitsForAnyNumberOfThreads) {
  const Values x = test::random_values<float>(5 * kChunk + 77, "x");
  test::expect_same_bits<double>([&](const ExecSpace& exec) { return square_sums<float>(x, exec); });
}

TEST(Reductions, AddAddsOnce) {
  check_add<float>();
  check_add<double>();
  check_add<Bfloat16>();
}

TEST(Reductions, RowsAreGatheredAndScattered) {
  check_rows<float>();
  check_rows<double>();
  check_rows<Bfloat16>();
}

}  // namespace
}  // namespace recpo::kernels
