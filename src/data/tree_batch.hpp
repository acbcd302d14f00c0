#pragma once
// The only batch there is: packed token trees. A tree is one sequence [prompt | y_0 | y_1 | .. | y_K] in which every
// answer continues the prompt and does not see the other answers:
//   token i sees token j  <=>  same tree, j <= i, and j belongs to the prompt or to i's own answer.
// Positions of every answer's tokens start at |prompt|. The last token of an answer (the end token) is only predicted,
// never fed, so a branch holds |y| - 1 tokens. An SFT row is a tree with one answer; scoring 20 candidates is a tree
// with 20; a generation prompt is a tree with none.
//
// Vocabulary logits exist only at the R rows that predict an answer token: the prompt's last token (shared by all
// branches) and each branch's tokens. Targets are stored by logit row:
//   log-prob of completion c = sum over targets m with target_completion[m] == c of log softmax(logits[r(m)])[token].

#include <cstdint>
#include <span>
#include <vector>

namespace recpo::data {

struct Tree {
  std::int32_t token_begin = 0, token_end = 0;  // rows of the batch
  std::int32_t prompt_end = 0;
  std::int32_t completion_begin = 0, completion_end = 0;  // completions of the batch
};

struct TreeBatch {
  std::vector<std::int32_t> tokens;     // [T]
  std::vector<std::int32_t> positions;  // [T] within the sequence, for the rotary embedding
  // Visibility of query row i, in rows of the batch: [trees' token_begin, prefix_end[i]) and [own_begin[i], i + 1).
  // Prompt rows have prefix_end = i + 1 and an empty own part (own_begin = i + 1).
  std::vector<std::int32_t> prefix_end;  // [T]
  std::vector<std::int32_t> own_begin;   // [T]
  std::vector<Tree> trees;
  std::vector<std::int32_t> dropout_key;  // [T] of each token in this step, where a model with dropout is trained

  std::vector<std::int32_t> logit_rows;         // [R] token rows whose hidden state predicts, rising
  std::vector<std::int32_t> target_begin;       // [R + 1] targets of logit row r: [target_begin[r], target_begin[r+1])
  std::vector<std::int32_t> target_token;       // [M]
  std::vector<std::int32_t> target_completion;  // [M]
  std::vector<std::int32_t> completion_length;  // [C] tokens, end token included

  std::int64_t num_tokens() const { return static_cast<std::int64_t>(tokens.size()); }
  std::int64_t num_completions() const { return static_cast<std::int64_t>(completion_length.size()); }
};

// Adds one tree. `prompt` has at least one token, every answer at least one (its end token).
void append_tree(TreeBatch& batch, std::span<const std::int32_t> prompt,
                 std::span<const std::span<const std::int32_t>> answers);

// Tokens a tree takes in a batch.
std::int64_t tree_tokens(std::span<const std::int32_t> prompt, std::span<const std::span<const std::int32_t>> answers);

// Splits consecutive trees into micro-batches of at most `max_tokens` tokens, in order (a longer tree stands alone).
// Returns the begin of each micro-batch and the end: [n + 1].
std::vector<std::size_t> pack(std::span<const std::int64_t> tokens_of_tree, std::int64_t max_tokens);

}  // namespace recpo::data
