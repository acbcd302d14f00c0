#include "src/data/tree_batch.hpp"

#include "src/support/check.hpp"

namespace recpo::data {
namespace {
std::int32_t to_row(std::size_t size) { return static_cast<std::int32_t>(size); }

void append_token(TreeBatch& batch, std::int32_t token, std::int32_t position, std::int32_t prefix_end,
                  std::int32_t own_begin) {
  batch.tokens.push_back(token);
  batch.positions.push_back(position);
  batch.prefix_end.push_back(prefix_end);
  batch.own_begin.push_back(own_begin);
}

void open_logit_row(TreeBatch& batch, std::int32_t row) {
  if (batch.target_begin.empty()) batch.target_begin.push_back(0);
  batch.logit_rows.push_back(row);
  batch.target_begin.push_back(batch.target_begin.back());
}

void append_target(TreeBatch& batch, std::int32_t token, std::int32_t completion) {
  batch.target_token.push_back(token);
  batch.target_completion.push_back(completion);
  ++batch.target_begin.back();
}
}  // namespace

std::int64_t tree_tokens(std::span<const std::int32_t> prompt, std::span<const std::span<const std::int32_t>> answers) {
  std::size_t tokens = prompt.size();
  for (const auto& answer : answers) tokens += answer.size() - 1;
  return static_cast<std::int64_t>(tokens);
}

void append_tree(TreeBatch& batch, std::span<const std::int32_t> prompt,
                 std::span<const std::span<const std::int32_t>> answers) {
  RECPO_REQUIRE(!prompt.empty());
  Tree tree;
  tree.token_begin = to_row(batch.tokens.size());
  tree.completion_begin = to_row(batch.completion_length.size());
  for (const std::int32_t token : prompt) {
    const std::int32_t next = to_row(batch.tokens.size()) + 1;
    append_token(batch, token, next - 1 - tree.token_begin, next, next);
  }
  tree.prompt_end = to_row(batch.tokens.size());
  const std::int32_t prompt_length = tree.prompt_end - tree.token_begin;

  if (!answers.empty()) open_logit_row(batch, tree.prompt_end - 1);
  for (std::size_t k = 0; k < answers.size(); ++k) {
    RECPO_REQUIRE(!answers[k].empty());
    append_target(batch, answers[k].front(), tree.completion_begin + to_row(k));
  }
  for (std::size_t k = 0; k < answers.size(); ++k) {
    const auto& answer = answers[k];
    const std::int32_t own_begin = to_row(batch.tokens.size());
    for (std::size_t i = 0; i + 1 < answer.size(); ++i) {
      open_logit_row(batch, to_row(batch.tokens.size()));
      append_token(batch, answer[i], prompt_length + to_row(i), tree.prompt_end, own_begin);
      append_target(batch, answer[i + 1], tree.completion_begin + to_row(k));
    }
    batch.completion_length.push_back(to_row(answer.size()));
  }
  tree.token_end = to_row(batch.tokens.size());
  tree.completion_end = to_row(batch.completion_length.size());
  batch.trees.push_back(tree);
}

std::vector<std::size_t> pack(std::span<const std::int64_t> tokens_of_tree, std::int64_t max_tokens) {
  std::vector<std::size_t> begins{0};
  std::int64_t filled = 0;
  for (std::size_t i = 0; i < tokens_of_tree.size(); ++i) {
    if (i > begins.back() && filled + tokens_of_tree[i] > max_tokens) {
      begins.push_back(i);
      filled = 0;
    }
    filled += tokens_of_tree[i];
  }
  if (!tokens_of_tree.empty()) begins.push_back(tokens_of_tree.size());
  return begins;
}

}  // namespace recpo::data
