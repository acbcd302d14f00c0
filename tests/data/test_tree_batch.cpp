// Packed token trees against their definition: every row carries (tree, branch, place), written down here while the
// trees are laid out, and visibility, positions and targets are decided from those three numbers alone.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "src/data/tree_batch.hpp"
#include "src/support/random.hpp"

namespace recpo::data {
namespace {
using Tokens = std::vector<std::int32_t>;

struct Question {
  Tokens prompt;
  std::vector<Tokens> answers;
};

struct Place {
  int tree, branch, index;  // branch -1: the prompt; index within prompt or answer
};

Tokens random_tokens(Random& random, std::size_t length) {
  Tokens tokens(length);
  for (auto& token : tokens) token = static_cast<std::int32_t>(random.below(1000));
  return tokens;
}

std::vector<Question> random_questions(int count) {
  std::vector<Question> questions;
  for (int q = 0; q < count; ++q) {
    Random random(5, "tree", static_cast<std::uint64_t>(q));
    Question question{random_tokens(random, 1 + random.below(9)), {}};
    for (auto k = random.below(5); k > 0; --k) question.answers.push_back(random_tokens(random, 1 + random.below(4)));
    questions.push_back(question);
  }
  return questions;
}

TreeBatch batch_of(const std::vector<Question>& questions) {
  TreeBatch batch;
  for (const auto& question : questions) {
    const std::vector<std::span<const std::int32_t>> answers(question.answers.begin(), question.answers.end());
    const auto before = batch.num_tokens();
    append_tree(batch, question.prompt, answers);
    EXPECT_EQ(batch.num_tokens() - before, tree_tokens(question.prompt, answers));
  }
  return batch;
}

std::vector<Place> places_of(const std::vector<Question>& questions) {
  std::vector<Place> places;
  for (int t = 0; t < static_cast<int>(questions.size()); ++t) {
    const auto& [prompt, answers] = questions[t];
    for (int i = 0; i < static_cast<int>(prompt.size()); ++i) places.push_back({t, -1, i});
    for (int k = 0; k < static_cast<int>(answers.size()); ++k)
      for (int i = 0; i + 1 < static_cast<int>(answers[k].size()); ++i) places.push_back({t, k, i});
  }
  return places;
}
}  // namespace

TEST(TreeBatch, VisibilityIsTheDefinition) {
  const auto questions = random_questions(40);
  const TreeBatch batch = batch_of(questions);
  const auto places = places_of(questions);
  ASSERT_EQ(places.size(), batch.tokens.size());
  for (int i = 0; i < static_cast<int>(places.size()); ++i) {
    const Tree& tree = batch.trees[places[i].tree];
    for (int j = 0; j < static_cast<int>(places.size()); ++j) {
      const bool seen = (tree.token_begin <= j && j < batch.prefix_end[i]) || (batch.own_begin[i] <= j && j <= i);
      const bool expected = places[j].tree == places[i].tree && j <= i &&
                            (places[j].branch == -1 || places[j].branch == places[i].branch);
      ASSERT_EQ(seen, expected) << "row " << i << " and row " << j;
    }
  }
}

TEST(TreeBatch, TokensAndPositionsContinueThePrompt) {
  const auto questions = random_questions(40);
  const TreeBatch batch = batch_of(questions);
  const auto places = places_of(questions);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& [prompt, answers] = questions[places[i].tree];
    const bool in_prompt = places[i].branch == -1;
    EXPECT_EQ(batch.tokens[i], (in_prompt ? prompt : answers[places[i].branch])[places[i].index]);
    EXPECT_EQ(batch.positions[i], places[i].index + (in_prompt ? 0 : static_cast<int>(prompt.size())));
  }
}

// Each answer token is predicted once, at the row of the token before it: a set of (row, token, completion) triples.
TEST(TreeBatch, EveryAnswerTokenIsPredictedByTheTokenBeforeIt) {
  const auto questions = random_questions(40);
  const TreeBatch batch = batch_of(questions);
  const auto places = places_of(questions);
  std::map<std::tuple<int, int, int>, int> row_at;
  for (int i = 0; i < static_cast<int>(places.size()); ++i)
    row_at[{places[i].tree, places[i].branch, places[i].index}] = i;
  std::multiset<std::tuple<int, int, int>> expected, found;
  std::vector<std::int32_t> lengths;
  for (int t = 0; t < static_cast<int>(questions.size()); ++t) {
    const int last = static_cast<int>(questions[t].prompt.size()) - 1;
    for (int k = 0; k < static_cast<int>(questions[t].answers.size()); ++k) {
      const Tokens& answer = questions[t].answers[k];
      for (int i = 0; i < static_cast<int>(answer.size()); ++i)
        expected.insert(
            {i == 0 ? row_at[{t, -1, last}] : row_at[{t, k, i - 1}], answer[i], static_cast<int>(lengths.size())});
      lengths.push_back(static_cast<std::int32_t>(answer.size()));
    }
  }
  ASSERT_EQ(batch.target_begin.size(), batch.logit_rows.size() + 1);
  for (std::size_t r = 0; r < batch.logit_rows.size(); ++r)
    for (auto m = batch.target_begin[r]; m < batch.target_begin[r + 1]; ++m)
      found.insert({batch.logit_rows[r], batch.target_token[m], batch.target_completion[m]});
  EXPECT_EQ(found, expected);
  EXPECT_EQ(batch.completion_length, lengths);
  EXPECT_TRUE(std::ranges::is_sorted(batch.logit_rows, std::less_equal<>{}) &&
              std::ranges::adjacent_find(batch.logit_rows) == batch.logit_rows.end());
}

TEST(TreeBatch, PackFillsInOrderAndNeverOverflows) {
  const std::vector<std::int64_t> sizes{4, 4, 3, 12, 1, 1, 8, 2, 10};
  EXPECT_EQ(pack(sizes, 10), (std::vector<std::size_t>{0, 2, 3, 4, 7, 8, 9}));
  EXPECT_EQ(pack({}, 10), (std::vector<std::size_t>{0}));
  const auto begins = pack(sizes, 10);
  for (std::size_t b = 0; b + 1 < begins.size(); ++b) {
    std::int64_t total = 0;
    for (auto i = begins[b]; i < begins[b + 1]; ++i) total += sizes[i];
    EXPECT_TRUE(total <= 10 || begins[b + 1] - begins[b] == 1);
  }
}

}  // namespace recpo::data
