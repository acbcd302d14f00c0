#pragma once
// Attention as the tests run it: a problem's operands and results in guarded memory, its forward and its backward.

#include <array>

#include "kernels/attention.hpp"
#include "tests/kernels/attention_problems.hpp"
#include "tests/support/guarded.hpp"

namespace recpo::test {

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

// A problem on the device.
template <class T>
struct DeviceProblem {
  explicit DeviceProblem(const AttentionProblem& problem)
      : shape(problem.shape),
        spans(problem.spans),
        prefix_end(to_device(problem.prefix_end)),
        own_begin(to_device(problem.own_begin)),
        own_end(to_device(problem.own_end)),
        in(problem, problem.q, problem.k, problem.v),
        workspace(1, kernels::attention_workspace<T>(shape, spans)) {}
  kernels::AttentionMask mask() const { return {prefix_end, own_begin, own_end}; }

  AttentionShape shape;
  std::vector<kernels::AttentionSpan> spans;
  OwnedVector<int> prefix_end, own_begin, own_end;
  Operands<T> in;
  Guarded<Accumulate<T>> workspace;
};

// Outputs and workspace are NaN before.
template <class T>
void forward(const ExecSpace& exec, const DeviceProblem<T>& problem, const Result<T>& result) {
  const Operands<T>& in = problem.in;
  kernels::attention_forward<T>(exec, problem.shape, problem.spans, problem.mask(), in.q(), in.k(), in.v(),
                                result.out.matrix(), result.lse.matrix(), problem.workspace.vector());
}

template <class T>
Result<T> empty_result(const AttentionProblem& problem) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
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
  kernels::attention_backward<T>(exec, problem.shape, problem.spans, problem.mask(), in.q(), in.k(), in.v(),
                                 result.out.matrix(), result.lse.matrix(), d_out_in.matrix(), gradient.q(),
                                 gradient.k(), gradient.v(), problem.workspace.vector());
  exec.fence();
  problem.workspace.values();  // checks its guards
  return result;
}

}  // namespace recpo::test
