// The fused form of attention against the fp64 reference, against the products and against itself, in bfloat16. It runs
// on a GPU with cuDNN; elsewhere these tests say why they are skipped.
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/attention_fused.hpp"
#include "src/support/check.hpp"
#include "tests/kernels/attention_bounds.hpp"
#include "tests/kernels/attention_problems.hpp"

namespace recpo::kernels {
namespace {

using reference::AttentionProblem;
using test::TreeLengths;
using test::Values;

// Rows of a width that keeps them on 16 bytes, as in the model; before and behind them a tile's rows of NaN, which
// spoil a result that reads them and tell when they are written.
class PackedRows {
 public:
  PackedRows(std::int64_t rows, std::int64_t width)
      : PackedRows(rows, width, Values(rows * width, std::numeric_limits<double>::quiet_NaN())) {}
  PackedRows(std::int64_t rows, std::int64_t width, const Values& values)
      : rows_(rows), width_(width), storage_("recpo::test::packed_rows", (rows + 2 * kGuard) * width) {
    std::vector<Bfloat16> host(storage_.extent(0), guard());
    for (std::int64_t i = 0; i < rows * width; ++i) host[kGuard * width + i] = static_cast<float>(values[i]);
    Kokkos::deep_copy(storage_, HostVector<const Bfloat16>(host.data(), host.size()));
  }

  Matrix<Bfloat16> columns(std::int64_t begin, std::int64_t count) const {
    const Matrix<Bfloat16> matrix(storage_.data() + kGuard * width_, rows_, width_);
    return Kokkos::subview(matrix, Kokkos::ALL, Kokkos::pair<std::int64_t, std::int64_t>(begin, begin + count));
  }
  Matrix<Bfloat16> matrix() const { return columns(0, width_); }

  // Of some columns, row by row. Fails the test when a guard has changed.
  Values values(std::int64_t begin, std::int64_t count) const {
    std::vector<Bfloat16> host(storage_.extent(0));
    Kokkos::deep_copy(HostVector<Bfloat16>(host.data(), host.size()), storage_);
    Values values;
    for (std::int64_t row = -kGuard; row < rows_ + kGuard; ++row) {
      const Bfloat16* first = host.data() + (row + kGuard) * width_;
      if (row >= 0 && row < rows_) {
        values.insert(values.end(), first + begin, first + begin + count);
      } else {
        const auto changed = [](Bfloat16 element) { return element.bits != guard().bits; };
        EXPECT_FALSE(std::any_of(first, first + width_, changed)) << "row " << row << " of " << rows_ << " is written";
      }
    }
    return values;
  }

 private:
  static constexpr std::int64_t kGuard = 128;
  static Bfloat16 guard() { return Bfloat16::from_bits(0x7FC5); }

  std::int64_t rows_, width_;
  OwnedVector<Bfloat16> storage_;
};

struct Results {
  Values out, lse, dq, dk, dv;
};

Values side_by_side(const AttentionProblem& problem, std::int64_t query_width, std::int64_t key_width) {
  Values qkv;
  for (std::int64_t i = 0; i < problem.queries; ++i) {
    const auto append = [&](const Values& x, std::int64_t width) {
      qkv.insert(qkv.end(), x.begin() + i * width, x.begin() + (i + 1) * width);
    };
    append(problem.q, query_width);
    append(problem.k, key_width);
    append(problem.v, key_width);
  }
  return qkv;
}

// `choice` is the last argument of forward and backward. Outputs and workspace are NaN before.
template <class Forward, class Backward, class Choice>
Results compute_by(const AttentionProblem& problem, const Values& d_out, std::int64_t workspace_elements,
                   const Forward& forward, const Backward& backward, Choice choice) {
  const AttentionShape& shape = problem.shape;
  const std::int64_t rows = problem.queries, query_width = shape.heads * shape.head_dim,
                     key_width = shape.kv_heads * shape.head_dim, width = query_width + 2 * key_width;
  const auto q = [&](const PackedRows& x) { return x.columns(0, query_width); };
  const auto k = [&](const PackedRows& x) { return x.columns(query_width, key_width); };
  const auto v = [&](const PackedRows& x) { return x.columns(query_width + key_width, key_width); };
  const PackedRows qkv(rows, width, side_by_side(problem, query_width, key_width)), d_qkv(rows, width);
  const PackedRows out(rows, query_width), d_out_rows(rows, query_width, d_out);
  const test::Guarded<float> lse(rows, shape.heads);
  const OwnedVector<int> prefix_end = test::to_device(problem.prefix_end),
                         own_begin = test::to_device(problem.own_begin), own_end = test::to_device(problem.own_end);
  const AttentionMask mask{prefix_end, own_begin, own_end};
  const OwnedVector<float> workspace("recpo::test::workspace", workspace_elements);
  const ExecSpace exec;
  Kokkos::deep_copy(exec, workspace, std::numeric_limits<float>::quiet_NaN());
  forward(exec, shape, problem.spans, mask, q(qkv), k(qkv), v(qkv), out.matrix(), lse.matrix(), workspace, choice);
  Kokkos::deep_copy(exec, workspace, std::numeric_limits<float>::quiet_NaN());
  backward(exec, shape, problem.spans, mask, q(qkv), k(qkv), v(qkv), out.matrix(), lse.matrix(), d_out_rows.matrix(),
           q(d_qkv), k(d_qkv), v(d_qkv), workspace, choice);
  exec.fence();
  return {out.values(0, query_width), lse.values(), d_qkv.values(0, query_width), d_qkv.values(query_width, key_width),
          d_qkv.values(query_width + key_width, key_width)};
}

Results compute(const AttentionProblem& problem, const Values& d_out, AttentionBackend form) {
  return compute_by(problem, d_out, attention_workspace<Bfloat16>(problem.shape, problem.spans),
                    attention_forward<Bfloat16>, attention_backward<Bfloat16>, form);
}

Results compute(const AttentionProblem& problem, const Values& d_out, AttentionLayout layout) {
  constexpr std::int64_t kElement = sizeof(float);
  const std::int64_t bytes = fused_attention_workspace_bytes(problem.shape, problem.spans, layout);
  return compute_by(problem, d_out, (bytes + kElement - 1) / kElement, fused_attention_forward,
                    fused_attention_backward, layout);
}

// Elements of the results were widened, which keeps different bits different.
void expect_same_bits(const Results& a, const Results& b) {
  const auto are_same = [&](Values Results::*part) {
    return (a.*part).size() == (b.*part).size() &&
           std::memcmp((a.*part).data(), (b.*part).data(), (a.*part).size() * sizeof(double)) == 0;
  };
  EXPECT_TRUE(are_same(&Results::out)) << "other bits of out";
  EXPECT_TRUE(are_same(&Results::lse)) << "other bits of lse";
  EXPECT_TRUE(are_same(&Results::dq)) << "other bits of dq";
  EXPECT_TRUE(are_same(&Results::dk)) << "other bits of dk";
  EXPECT_TRUE(are_same(&Results::dv)) << "other bits of dv";
}

struct Bounds {
  Values out, lse;
  test::BackwardBounds gradients;
};

Bounds bounds_of(const AttentionProblem& problem, const reference::AttentionForward& forward,
                 const reference::AttentionBackward& backward, const Values& d_out,
                 const std::vector<test::RowBounds>& rows, double part) {
  Values lse;
  for (const test::RowBounds& row : rows) lse.push_back(row.lse);
  return {test::out_bounds<Bfloat16>(problem, forward, rows), lse,
          test::backward_bounds<Bfloat16>(problem, forward, backward, d_out, rows, part)};
}

// Within the sum of bounds: an expected value that is exact has none.
void compare(const Results& actual, const Results& expected, const std::vector<Bounds>& bounds) {
  const auto within = [&](const Values& a, const Values& b, const char* what, const auto& bound_of) {
    test::expect_within<Bfloat16>(
        a, b,
        [&](std::int64_t i) {
          double sum = 0;
          for (const Bounds& bound : bounds) sum += bound_of(bound)[i];
          return sum;
        },
        what);
  };
  within(actual.out, expected.out, "out", [](const Bounds& b) -> const Values& { return b.out; });
  within(actual.lse, expected.lse, "lse", [](const Bounds& b) -> const Values& { return b.lse; });
  within(actual.dq, expected.dq, "dq", [](const Bounds& b) -> const Values& { return b.gradients.dq; });
  within(actual.dk, expected.dk, "dk", [](const Bounds& b) -> const Values& { return b.gradients.dk; });
  within(actual.dv, expected.dv, "dv", [](const Bounds& b) -> const Values& { return b.gradients.dv; });
}

void check(const AttentionProblem& problem, AttentionLayout layout = AttentionLayout::kPacked) {
  const std::string unsupported_reason = fused_attention_unsupported_reason(problem.shape, problem.spans, layout);
  if (!unsupported_reason.empty()) GTEST_SKIP() << unsupported_reason;
  const Values d_out = test::random_values<Bfloat16>(problem.q.size(), "d_out");
  const reference::AttentionForward forward = reference::attention_forward(problem);
  const reference::AttentionBackward backward = reference::attention_backward(problem, forward, d_out);
  const Bounds fused_bounds = bounds_of(problem, forward, backward, d_out, test::fused_row_bounds(problem, forward),
                                        test::storage_roundoff<Bfloat16>());
  const Bounds products_bounds =
      bounds_of(problem, forward, backward, d_out, test::row_bounds<Bfloat16>(problem, forward), 0);
  const Results fused = compute(problem, d_out, layout);
  {
    SCOPED_TRACE("against the reference");
    compare(fused, {forward.out, forward.lse, backward.dq, backward.dk, backward.dv}, {fused_bounds});
  }
  SCOPED_TRACE("against the products");
  compare(fused, compute(problem, d_out, AttentionBackend::kGemm), {fused_bounds, products_bounds});
}

AttentionProblem trees(const AttentionShape& shape, const std::vector<TreeLengths>& lengths) {
  return test::tree_problem<Bfloat16>(shape, lengths);
}

TEST(FusedAttention, TreesOfOneAnswer) { check(trees({4, 1, 128}, {{200, {9}}, {129, {12}}, {57, {3}}})); }

TEST(FusedAttention, TreesOfFourAnswers) {
  check(trees({4, 2, 64}, {{300, {9, 9, 9, 9}}, {131, {7, 8, 1, 10}}}));
  check(trees({2, 2, 128}, {{256, {4, 4, 4, 4}}}));  // every key of a tile's border
}

TEST(FusedAttention, ATreeOfTwentyAnswers) { check(trees({4, 2, 64}, {{150, std::vector<int>(20, 10)}})); }

TEST(FusedAttention, FourteenHeadsOnTwo) { check(trees({14, 2, 64}, {{100, {5, 6}}, {41, {7}}})); }

// Batches that are no power of two; trees of one token, of a tile, without answers.
TEST(FusedAttention, TreesOfAllSorts) {
  check(trees({2, 1, 64}, {{1, {}}, {128, {}}, {1, {1, 2}}, {127, {1}}, {90, {20, 1, 30}}}));
  check(trees({3, 1, 64}, test::random_trees(3, 7, 60)));
}

// More than a table of spans holds.
TEST(FusedAttention, FortyTrees) { check(trees({1, 1, 64}, std::vector<TreeLengths>(40, {9, {2, 3}}))); }

// What GPUs need that do not take packed rows, tried on those that do.
TEST(FusedAttention, TreesOfPaddedRows) {
  check(trees({4, 2, 64}, {{300, {9, 9, 9, 9}}, {131, {7, 8, 1, 10}}}), AttentionLayout::kPadded);
  check(trees({2, 2, 128}, {{256, {4, 4, 4, 4}}}), AttentionLayout::kPadded);
  check(trees({2, 1, 64}, {{1, {}}, {128, {}}, {1, {1, 2}}, {127, {1}}, {90, {20, 1, 30}}}), AttentionLayout::kPadded);
  check(trees({1, 1, 64}, std::vector<TreeLengths>(40, {9, {2, 3}})), AttentionLayout::kPadded);
}

// Many tiles of keys add to each dq; and the scores' gradients of so many rows and heads pass 256 MiB, under which
// cuDNN stores them, and so adds in a fixed order, unasked too.
void check_repeats(AttentionLayout layout) {
  const AttentionProblem problem = trees({32, 8, 64}, {{2060, {9, 9, 9, 9}}});
  const std::string unsupported_reason = fused_attention_unsupported_reason(problem.shape, problem.spans, layout);
  if (!unsupported_reason.empty()) GTEST_SKIP() << unsupported_reason;
  const Values d_out = test::random_values<Bfloat16>(problem.q.size(), "d_out");
  const Results first = compute(problem, d_out, layout);
  for (int run = 1; run < 5; ++run) expect_same_bits(compute(problem, d_out, layout), first);
}

TEST(FusedAttention, PackedRowsRepeatToTheBit) { check_repeats(AttentionLayout::kPacked); }
TEST(FusedAttention, PaddedRowsRepeatToTheBit) { check_repeats(AttentionLayout::kPadded); }

TEST(FusedAttention, LargeScoresDoNotOverflow) {
  AttentionProblem problem = trees({2, 1, 64}, {{40, {5, 6}}});
  for (double& value : problem.q) value *= 512;
  check(problem);
}

TEST(FusedAttention, IsTheFastestForm) {
  const AttentionProblem problem = trees({4, 2, 64}, {{140, {9, 9}}});
  const std::string unsupported_reason = fused_attention_unsupported_reason(problem.shape, problem.spans);
  if (!unsupported_reason.empty()) GTEST_SKIP() << unsupported_reason;
  const Values d_out = test::random_values<Bfloat16>(problem.q.size(), "d_out");
  const Results fused = compute(problem, d_out, AttentionBackend::kFused);
  expect_same_bits(compute(problem, d_out, AttentionBackend::kFastest), fused);
  expect_same_bits(compute(problem, d_out, AttentionLayout::kPacked), fused);
}

// Also where there is no GPU: every obstacle is named.
TEST(FusedAttentionSupport, RefusesWhatItCannotDo) {
  const auto refuses = [](const AttentionProblem& problem) {
    EXPECT_NE(fused_attention_unsupported_reason(problem.shape, problem.spans), "");
    try {
      compute(problem, Values(problem.q.size()), AttentionBackend::kFused);
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kInternal);
    }
  };
  refuses(trees({2, 1, 32}, {{20, {3}}}));
  AttentionProblem shifted = trees({2, 1, 64}, {{20, {3}}});
  shifted.spans[0].key_end += 1;
  refuses(shifted);
}

}  // namespace
}  // namespace recpo::kernels
