#include <gtest/gtest.h>

#include "kernels/attention_chunks.hpp"
#include "tests/kernels/attention_bounds.hpp"
#include "tests/kernels/attention_problems.hpp"
#include "tests/kernels/attention_runs.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/threads.hpp"

namespace recpo::kernels {
namespace {

using reference::AttentionProblem;
using test::compute;
using test::DeviceProblem;
using test::Values;

Values drop_unused(const Values& values, const Values& inputs) {  // keys of no span, whose gradient nobody writes
  Values used;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(inputs[i])) used.push_back(values[i]);
  }
  return used;
}

template <class T>
void check(const AttentionProblem& problem) {
  const Values d_out = test::random_values<T>(problem.q.size(), "d_out");
  const test::Result<T> actual = compute<T>(problem, d_out);
  const reference::AttentionForward forward = reference::attention_forward(problem);
  const reference::AttentionBackward backward = reference::attention_backward(problem, forward, d_out);
  const auto rows = test::row_bounds<T>(problem, forward);
  const Values out_bounds = test::out_bounds<T>(problem, forward, rows);
  const test::BackwardBounds bounds = test::backward_bounds<T>(problem, forward, backward, d_out, rows);
  const auto compare = [](const Values& values, const Values& expected, const Values& bound, const char* what) {
    test::expect_within<T>(
        values, expected, [&](auto i) { return bound[i]; }, what);
  };
  compare(actual.out.values(), forward.out, out_bounds, "out");
  test::expect_within<T>(
      actual.lse.values(), forward.lse, [&](auto i) { return rows[i].lse; }, "lse");
  const auto [dq, dk, dv] = actual.gradient.values();
  compare(dq, backward.dq, bounds.dq, "dq");
  const auto used = [&](const Values& values) { return drop_unused(values, problem.k); };
  compare(used(dk), used(backward.dk), used(bounds.dk), "dk");
  compare(used(dv), used(backward.dv), used(bounds.dv), "dv");
}

template <class T>
void check_trees() {
  int seed = 0;
  for (const AttentionShape& shape : {AttentionShape{2, 2, 16}, {4, 2, 8}, {4, 1, 32}, {3, 1, 7}}) {
    SCOPED_TRACE(testing::Message() << shape.heads << " heads of " << shape.head_dim << " on " << shape.kv_heads);
    check<T>(test::tree_problem<T>(shape, test::random_trees(++seed, 4, 60)));
  }
  // Several chunks, the last one short; answers across a chunk's border; a tree of one token.
  check<T>(test::tree_problem<T>({2, 1, 16}, {{120, {20, 1, 30}}, {1, {}}, {129, {}}, {1, {1, 2}}}));
}

TEST(Attention, TreesEqualTheReferenceInFloat) { check_trees<float>(); }
TEST(Attention, TreesEqualTheReferenceInDouble) { check_trees<double>(); }
TEST(Attention, TreesEqualTheReferenceInBfloat16) { check_trees<Bfloat16>(); }

template <class T>
void check_cache() {
  check<T>(test::cache_problem<T>({4, 2, 16}, {{0, 7}, {130, 5}, {3, 140}, {60, 1}}, 150));  // prompts behind a cache
  const std::vector<test::CachedSequence> rows = {{0, 1}, {299, 1}, {17, 1}, {128, 1}};
  for (const AttentionShape& shape : {AttentionShape{4, 4, 8}, {6, 2, 16}, {4, 1, 64}}) {
    check<T>(test::cache_problem<T>(shape, rows, 300));
  }
  check<T>(test::cache_problem<T>({2, 1, 8}, std::vector<test::CachedSequence>(75, {11, 1}), 13));  // > 2 tables
}

TEST(Attention, CachedKeysEqualTheReferenceInFloat) { check_cache<float>(); }
TEST(Attention, CachedKeysEqualTheReferenceInDouble) { check_cache<double>(); }
TEST(Attention, CachedKeysEqualTheReferenceInBfloat16) { check_cache<Bfloat16>(); }

// Scores far beyond what exp holds: the maximum is taken away before.
template <class T>
void check_large_scores() {
  AttentionProblem problem = test::tree_problem<T>({2, 1, 16}, {{40, {5, 6}}});
  for (double& value : problem.q) value *= 512;
  check<T>(problem);
}

TEST(Attention, LargeScoresDoNotOverflow) {
  check_large_scores<float>();
  check_large_scores<Bfloat16>();
}

// Whole numbers from `low` on, few enough.
Values whole_numbers(std::int64_t n, int low, int count, const char* stream) {
  Random random(31, stream);
  Values values(n);
  for (double& value : values) value = low + static_cast<int>(random.below(count));
  return values;
}

// 300 rows of four heads see the keys 0 and 1, which are alike, so that p = 1/2; with v_1 = -v_0 of whole numbers, out
// and delta are 0 and ds = +-(d_out . v_0) / 16 has at most 8 digits. Bfloat16 holds all of these: what is left of the
// error of dk and dv is that of their sums over five chunks and four heads, in float, and one rounding.
TEST(Attention, KeyGradientsOfBfloat16AreSummedInFloat) {
  const AttentionShape shape{4, 1, 64};
  AttentionProblem problem = test::cache_problem<Bfloat16>(shape, {{2, 300}}, 302);
  problem.prefix_end.assign(300, 2);
  problem.own_begin = problem.own_end = problem.prefix_end;
  const Values v = whole_numbers(shape.head_dim, -1, 3, "v"), d_out = whole_numbers(problem.q.size(), 0, 4, "d_out");
  for (int d = 0; d < shape.head_dim; ++d) {
    problem.k[shape.head_dim + d] = problem.k[d];
    problem.v[d] = v[d];
    problem.v[shape.head_dim + d] = -v[d];
  }
  const auto expected = reference::attention_backward(problem, reference::attention_forward(problem), d_out);
  Values dk_magnitude(problem.k.size()), dv_magnitude(problem.k.size());
  reference::for_each_pair(problem, [&](std::int64_t i, std::int64_t j, int head, std::int64_t pair) {
    for (int d = 0; d < shape.head_dim; ++d) {
      const std::int64_t query = problem.query_at(i, head) + d, key = problem.key_at(j, head) + d;
      dk_magnitude[key] += std::abs(expected.ds[pair] * problem.q[query]);
      dv_magnitude[key] += d_out[query] / 2;
    }
  });
  const auto [dq, dk, dv] = compute<Bfloat16>(problem, d_out).gradient.values();
  const double sum = test::gamma<Bfloat16>(300 * shape.heads, 300 * shape.heads);
  test::expect_within<Bfloat16>(
      dk, expected.dk, [&](auto i) { return test::stored<Bfloat16>(sum * dk_magnitude[i], expected.dk[i]); }, "dk");
  test::expect_within<Bfloat16>(
      dv, expected.dv, [&](auto i) { return test::stored<Bfloat16>(sum * dv_magnitude[i], expected.dv[i]); }, "dv");
}

TEST(Attention, GradientIsTheDerivativeOfTheForward) {
  const AttentionProblem problem = test::tree_problem<double>({4, 2, 6}, {{9, {3, 2}}, {131, {4}}});
  const Values d_out = test::random_values<double>(problem.q.size(), "d_out");
  const auto [dq, dk, dv] = compute<double>(problem, d_out).gradient.values();
  const reference::AttentionForward expected = reference::attention_forward(problem);
  const Values out_error = test::out_bounds<double>(problem, expected, test::row_bounds<double>(problem, expected));
  double noise = test::weighted_noise(expected.out, d_out, 1);
  for (std::size_t i = 0; i < d_out.size(); ++i) noise += out_error[i] * std::abs(d_out[i]);
  const auto loss_of = [&](Values AttentionProblem::*part) {
    return [&, part](const Values& values) {
      AttentionProblem moved = problem;
      moved.*part = values;
      const test::Result<double> result = test::empty_result<double>(moved);
      test::forward(ExecSpace(), DeviceProblem<double>(moved), result);
      return test::weighted_sum(result.out.values(), d_out);
    };
  };
  test::expect_gradient(loss_of(&AttentionProblem::q), problem.q, dq, noise, 15, "dq");
  test::expect_gradient(loss_of(&AttentionProblem::k), problem.k, dk, noise, 15, "dk");
  test::expect_gradient(loss_of(&AttentionProblem::v), problem.v, dv, noise, 15, "dv");
}

template <class T>
void check_bits() {
  const AttentionProblem trees = test::tree_problem<T>({6, 2, 64}, {{250, {9, 12}}, {131, {7}}, {20, {3, 4}}});
  const AttentionProblem rows = test::cache_problem<T>({6, 2, 64}, {{200, 1}, {77, 1}, {5, 3}}, 260);
  for (const AttentionProblem& problem : {trees, rows}) {
    const Values d_out = test::random_values<T>(problem.q.size(), "d_out");
    test::expect_same_bits<T>([&](const ExecSpace& exec) { return compute<T>(problem, d_out, exec).out.storage(); });
    test::expect_same_bits<T>(
        [&](const ExecSpace& exec) { return compute<T>(problem, d_out, exec).gradient.storage(); });
  }
}

TEST(Attention, SameBitsForAnyNumberOfThreads) {
  check_bits<float>();
  check_bits<Bfloat16>();
}

// A sequence's result does not depend on what else is in the batch.
TEST(Attention, ATreeAloneGivesTheBitsItGivesInABatch) {
  const AttentionShape shape{4, 2, 16};
  AttentionProblem batch = test::tree_problem<float>(shape, {{150, {9}}, {33, {4, 5}}});
  AttentionProblem alone = test::tree_problem<float>(shape, {{150, {9}}});
  const std::int64_t queries = alone.queries;
  std::copy_n(batch.q.begin(), alone.q.size(), alone.q.begin());
  std::copy_n(batch.k.begin(), alone.k.size(), alone.k.begin());
  std::copy_n(batch.v.begin(), alone.v.size(), alone.v.begin());
  const Values d_out = test::random_values<float>(batch.q.size(), "d_out");
  Values in_batch = compute<float>(batch, d_out).out.values();
  in_batch.resize(queries * shape.heads * shape.head_dim);
  const Values d_out_alone(d_out.begin(), d_out.begin() + static_cast<std::ptrdiff_t>(alone.q.size()));
  EXPECT_EQ(compute<float>(alone, d_out_alone).out.values(), in_batch);
}

// Scores that do not fit into one round: every query row once, no overlap, nothing outside the workspace.
TEST(Attention, RoundsCoverEveryRowWithinTheWorkspace) {
  const AttentionShape shape{32, 8, 128};
  std::vector<AttentionSpan> spans;
  for (int i = 0; i < 40; ++i) spans.push_back({i * 1000, (i + 1) * 1000, i * 1000, (i + 1) * 1000});
  const std::int64_t workspace = attention_workspace<float>(shape, spans);
  const auto check_rounds = [&](const std::vector<AttentionRound>& rounds, std::int64_t matrices) {
    std::vector<int> seen(40000);
    for (const AttentionRound& round : rounds) {
      std::int64_t end = 0;
      for (const AttentionChunk& chunk : round) {
        EXPECT_EQ(chunk.scores, end);
        end += shape.heads * chunk.rows * chunk.stride;
        EXPECT_GE(chunk.stride, chunk.keys);
        for (std::int64_t i = 0; i < chunk.rows; ++i) ++seen[chunk.query_begin + i];
        EXPECT_EQ(chunk.key_begin + chunk.keys, chunk.query_begin + chunk.rows);  // the last row's own key
      }
      EXPECT_LE(end, kAttentionRoundElements);
      EXPECT_LE(matrices * end, workspace);
    }
    EXPECT_GT(rounds.size(), 1u);
    EXPECT_EQ(seen, std::vector<int>(40000, 1));
  };
  check_rounds(attention_forward_rounds(shape, spans), 1);
  check_rounds(attention_backward_rounds(shape, spans), 2);
}

}  // namespace
}  // namespace recpo::kernels
