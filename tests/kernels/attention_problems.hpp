#pragma once
// What attention meets: batches of token trees, prompts written behind a cache, single rows of generation.

#include <limits>

#include "src/support/random.hpp"
#include "tests/kernels/reference/attention.hpp"
#include "tests/support/guarded.hpp"

namespace recpo::test {

using kernels::AttentionShape;
using kernels::reference::AttentionProblem;

// Values of q, k, v; key rows that belong to no span are NaN, as nobody may read them.
template <class T>
void fill_values(AttentionProblem& problem) {
  const AttentionShape& shape = problem.shape;
  const std::int64_t key_width = shape.kv_heads * shape.head_dim;
  problem.q = random_values<T>(problem.queries * shape.heads * shape.head_dim, "q");
  problem.k = random_values<T>(problem.keys * key_width, "k");
  problem.v = random_values<T>(problem.keys * key_width, "v");
  std::vector<bool> used(problem.keys);
  for (const auto& span : problem.spans) std::fill(used.begin() + span.key_begin, used.begin() + span.key_end, true);
  for (std::int64_t i = 0; i < problem.keys * key_width; ++i) {
    if (!used[i / key_width]) problem.k[i] = problem.v[i] = std::numeric_limits<double>::quiet_NaN();
  }
}

struct TreeLengths {
  int prompt = 1;
  std::vector<int> answers;
};

// Appends the mask of one token: it sees the keys [own_begin, row] of its answer, or none of these, and the prefix.
inline void append_token(AttentionProblem& problem, int prefix_end, int own_begin) {
  problem.prefix_end.push_back(prefix_end);
  problem.own_begin.push_back(own_begin);
  problem.own_end.push_back(static_cast<int>(++problem.queries));
}

// [prompt | answers ..] of each tree, one behind the other; queries are keys.
template <class T>
AttentionProblem tree_problem(const AttentionShape& shape, const std::vector<TreeLengths>& trees) {
  AttentionProblem problem;
  problem.shape = shape;
  for (const TreeLengths& tree : trees) {
    const int begin = static_cast<int>(problem.queries), prompt_end = begin + tree.prompt;
    for (int i = begin; i < prompt_end; ++i) append_token(problem, i + 1, i + 1);
    for (const int answer : tree.answers) {
      const int own_begin = static_cast<int>(problem.queries);
      for (int i = 0; i < answer; ++i) append_token(problem, prompt_end, own_begin);
    }
    problem.spans.push_back({begin, problem.queries, begin, problem.queries});
  }
  problem.keys = problem.queries;
  fill_values<T>(problem);
  return problem;
}

inline std::vector<TreeLengths> random_trees(std::uint64_t seed, int count, int longest_prompt) {
  Random random(seed, "trees");
  std::vector<TreeLengths> trees(count);
  for (TreeLengths& tree : trees) {
    tree.prompt = 1 + static_cast<int>(random.below(longest_prompt));
    tree.answers.resize(random.below(5));
    for (int& answer : tree.answers) answer = static_cast<int>(random.below(20));
  }
  return trees;
}

struct CachedSequence {
  int past = 0, fresh = 1;  // rows in the cache before this pass, rows that it adds
};

// Sequence s owns `capacity` rows of the cache; its fresh rows are the queries.
template <class T>
AttentionProblem cache_problem(const AttentionShape& shape, const std::vector<CachedSequence>& sequences,
                               int capacity) {
  AttentionProblem problem;
  problem.shape = shape;
  int cache_begin = 0;
  for (const CachedSequence& sequence : sequences) {
    const std::int64_t query_begin = problem.queries;
    for (int i = 0; i < sequence.fresh; ++i) {
      const int visible_end = cache_begin + sequence.past + i + 1;
      problem.prefix_end.push_back(visible_end);
      problem.own_begin.push_back(visible_end);
      problem.own_end.push_back(visible_end);
      ++problem.queries;
    }
    problem.spans.push_back({query_begin, problem.queries, cache_begin, cache_begin + sequence.past + sequence.fresh});
    cache_begin += capacity;
  }
  problem.keys = cache_begin;
  fill_values<T>(problem);
  return problem;
}

}  // namespace recpo::test
