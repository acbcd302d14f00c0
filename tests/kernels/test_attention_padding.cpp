#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernels/reductions.hpp"
#include "tests/support/guarded.hpp"

namespace recpo::kernels {
namespace {

using test::Guarded;
using test::Values;

// Sequences of 3, 0, 4 and 1 rows, padded to 4; rows 0 and 5 belong to nobody.
const std::vector<int> kBegins = {1, 4, 6, 10}, kLengths = {3, 0, 4, 1};
constexpr int kRows = 4, kTokens = 11;

class AttentionPadding : public testing::TestWithParam<int> {
 protected:
  // f(row of packed or -1, row of padded)
  template <class F>
  static void for_each_padded_row(const F& f) {
    for (int b = 0; b < static_cast<int>(kLengths.size()); ++b) {
      for (int i = 0; i < kRows; ++i) f(i < kLengths[b] ? kBegins[b] + i : -1, b * kRows + i);
    }
  }

  const std::int64_t width_ = GetParam(), padded_rows_ = std::ssize(kLengths) * kRows;
  const OwnedVector<int> begins_ = test::to_device(kBegins), lengths_ = test::to_device(kLengths);
  const SequenceRows sequences_{static_cast<int>(kLengths.size()), kRows, begins_.data(), lengths_.data()};
};

TEST_P(AttentionPadding, RowsBehindASequenceAreZero) {
  const Values values = test::random_values<Bfloat16>(kTokens * width_, "packed");
  const Guarded<Bfloat16> packed(kTokens, width_, values), padded(padded_rows_, width_);
  pad_rows(ExecSpace(), sequences_, packed.matrix(), padded.matrix());
  Values expected(padded_rows_ * width_);
  for_each_padded_row([&](int from, int to) {
    if (from >= 0) std::copy_n(values.begin() + from * width_, width_, expected.begin() + to * width_);
  });
  EXPECT_EQ(padded.values(), expected);
}

TEST_P(AttentionPadding, RowsBehindASequenceAreNotCopiedBack) {
  const Values values = test::random_values<Bfloat16>(padded_rows_ * width_, "padded");
  const Guarded<Bfloat16> padded(padded_rows_, width_, values);
  const Guarded<Bfloat16> packed(kTokens, width_, Values(kTokens * width_, 7));
  unpad_rows(ExecSpace(), sequences_, padded.matrix(), packed.matrix());
  Values expected(kTokens * width_, 7);
  for_each_padded_row([&](int to, int from) {
    if (to >= 0) std::copy_n(values.begin() + from * width_, width_, expected.begin() + to * width_);
  });
  EXPECT_EQ(packed.values(), expected);
}

INSTANTIATE_TEST_SUITE_P(Widths, AttentionPadding, testing::Values(1, 24, 131));

}  // namespace
}  // namespace recpo::kernels
