#include <gtest/gtest.h>

#include <array>

#include "kernels/attention.hpp"
#include "kernels/attention_chunks.hpp"
#include "tests/kernels/attention_bounds.hpp"
#include "tests/kernels/attention_problems.hpp"
#include "tests/support/finite_difference.hpp"
#include "tests/support/threads.hpp"

namespace recpo::kernels {
namespace {

using reference::AttentionProblem;
using test::Guarded;
using test::TreeLengths;
using test::Values;

// A column range of a guarded matrix.
template <class T>
Matrix<T> columns(const Guarded<T>& wide, std::int64_t begin, std::int64_t width) {
  return Kokkos::subview(wide.matrix(), Kokkos::ALL, Kokkos::pair<std::int64_t, std::int64_t>(begin, begin + width));
}

// q, k and v in guarded memory: one matrix q|k|v as the model has it where queries are keys, three otherwise.
template <class T>
class Operands {
 public:
  Operands(const AttentionProblem& problem, const Values& q, const Values& k, const Values& v)
      : fused_(problem.queries == problem.keys),
        query_width_(problem.shape.heads * problem.shape.head_dim),
        key_width_(problem.shape.kv_heads * problem.shape.head_dim) {
    if (fused_) {
      Values qkv;
      for (std::int64_t i = 0; i < problem.queries; ++i) {
        qkv.insert(qkv.end(), q.begin() + i * query_width_, q.begin() + (i + 1) * query_width_);
        qkv.insert(qkv.end(), k.begin() + i * key_width_, k.begin() + (i + 1) * key_width_);
        qkv.insert(qkv.end(), v.begin() + i * key_width_, v.begin() + (i + 1) * key_width_);
      }
      parts_.emplace_back(problem.queries, query_width_ + 2 * key_width_, qkv);
    } else {
      parts_.emplace_back(problem.queries, query_width_, q);
      parts_.emplace_back(problem.keys, key_width_, k);
      parts_.emplace_back(problem.keys, key_width_, v);
    }
  }
  Matrix<T> q() const { return columns(parts_[0], 0, query_width_); }
  Matrix<T> k() const { return fused_ ? columns(parts_[0], query_width_, key_width_) : parts_[1].matrix(); }
  Matrix<T> v() const {
    return fused_ ? columns(parts_[0], query_width_ + key_width_, key_width_) : parts_[2].matrix();
  }
  std::vector<T> storage() const { return parts_[0].storage(); }

  // As three separate matrices again; checks the guards.
  std::array<Values, 3> values() const {
    if (!fused_) return {parts_[0].values(), parts_[1].values(), parts_[2].values()};
    const Values qkv = parts_[0].values();
    const std::int64_t width = query_width_ + 2 * key_width_;
    std::array<Values, 3> parts;
    for (std::size_t i = 0; i < qkv.size(); ++i) {
      const std::int64_t column = static_cast<std::int64_t>(i) % width;
      parts[column < query_width_ ? 0 : column < query_width_ + key_width_ ? 1 : 2].push_back(qkv[i]);
    }
    return parts;
  }

 private:
  bool fused_;
  std::int64_t query_width_, key_width_;
  std::vector<Guarded<T>> parts_;
};

template <class T>
struct Result {
  Guarded<T> out;
  Guarded<Accumulate<T>> lse;
  Operands<T> gradient;  // dq, dk, dv
};

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A problem on the device.
template <class T>
struct DeviceProblem {
  explicit DeviceProblem(const AttentionProblem& problem)
      : shape(problem.shape),
        spans(problem.spans),
        prefix_end(test::to_device(problem.prefix_end)),
        own_begin(test::to_device(problem.own_begin)),
        own_end(test::to_device(problem.own_end)),
        in(problem, problem.q, problem.k, problem.v),
        workspace(1, attention_workspace(shape, spans)) {}
  AttentionMask mask() const { return {prefix_end, own_begin, own_end}; }

  AttentionShape shape;
  std::vector<AttentionSpan> spans;
  OwnedVector<int> prefix_end, own_begin, own_end;
  Operands<T> in;
  Guarded<T> workspace;
};

// Outputs and workspace are NaN before.
template <class T>
void forward(const ExecSpace& exec, const DeviceProblem<T>& problem, const Result<T>& result) {
  const Operands<T>& in = problem.in;
  attention_forward<T>(exec, problem.shape, problem.spans, problem.mask(), in.q(), in.k(), in.v(), result.out.matrix(),
                       result.lse.matrix(), problem.workspace.vector());
}

template <class T>
Result<T> empty_result(const AttentionProblem& problem) {
  return {{problem.queries, problem.shape.heads * problem.shape.head_dim},
          {problem.queries, problem.shape.heads},
          {problem, Values(problem.q.size(), kNaN), Values(problem.k.size(), kNaN), Values(problem.v.size(), kNaN)}};
}

// Forward, and backward for d_out.
template <class T>
Result<T> compute(const AttentionProblem& host_problem, const Values& d_out, const ExecSpace& exec = ExecSpace()) {
  const DeviceProblem<T> problem(host_problem);
  const Operands<T>& in = problem.in;
  const Guarded<T> d_out_in(host_problem.queries, problem.shape.heads * problem.shape.head_dim, d_out);
  const Result<T> result = empty_result<T>(host_problem);
  const Operands<T>& gradient = result.gradient;
  forward(exec, problem, result);
  attention_backward<T>(exec, problem.shape, problem.spans, problem.mask(), in.q(), in.k(), in.v(), result.out.matrix(),
                        result.lse.matrix(), d_out_in.matrix(), gradient.q(), gradient.k(), gradient.v(),
                        problem.workspace.vector());
  exec.fence();
  problem.workspace.values();  // checks its guards
  return result;
}

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
  const Result<T> actual = compute<T>(problem, d_out);
  const reference::AttentionForward forward = reference::attention_forward(problem);
  const reference::AttentionBackward backward = reference::attention_backward(problem, forward, d_out);
  const auto rows = test::row_bounds<T>(problem, forward);
  const Values out_bounds = test::out_bounds<T>(problem, forward, rows);
  const test::BackwardBounds bounds = test::backward_bounds<T>(problem, forward, backward, d_out);
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

// Scores far beyond what exp holds: the maximum is taken away before.
TEST(Attention, LargeScoresDoNotOverflow) {
  AttentionProblem problem = test::tree_problem<float>({2, 1, 16}, {{40, {5, 6}}});
  for (double& value : problem.q) value *= 512;
  check<float>(problem);
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
      const Result<double> result = empty_result<double>(moved);
      forward(ExecSpace(), DeviceProblem<double>(moved), result);
      return test::weighted_sum(result.out.values(), d_out);
    };
  };
  test::expect_gradient(loss_of(&AttentionProblem::q), problem.q, dq, noise, 15, "dq");
  test::expect_gradient(loss_of(&AttentionProblem::k), problem.k, dk, noise, 15, "dk");
  test::expect_gradient(loss_of(&AttentionProblem::v), problem.v, dv, noise, 15, "dv");
}

TEST(Attention, SameBitsForAnyNumberOfThreads) {
  const AttentionProblem trees = test::tree_problem<float>({6, 2, 64}, {{250, {9, 12}}, {131, {7}}, {20, {3, 4}}});
  const AttentionProblem rows = test::cache_problem<float>({6, 2, 64}, {{200, 1}, {77, 1}, {5, 3}}, 260);
  for (const AttentionProblem& problem : {trees, rows}) {
    const Values d_out = test::random_values<float>(problem.q.size(), "d_out");
    test::expect_same_bits<float>(
        [&](const ExecSpace& exec) { return compute<float>(problem, d_out, exec).out.storage(); });
    test::expect_same_bits<float>(
        [&](const ExecSpace& exec) { return compute<float>(problem, d_out, exec).gradient.storage(); });
  }
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
  const std::int64_t workspace = attention_workspace(shape, spans);
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
