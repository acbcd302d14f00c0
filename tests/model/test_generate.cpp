// Cached greedy decoding equals choosing the best next token by scoring every one of them with the tree pass.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "src/model/generate.hpp"
#include "tests/model/tiny_model.hpp"

namespace recpo::test {
namespace {

std::int32_t best_next(model::Llama<double>& llama, const Tokens& text, std::int32_t vocab) {
  TreeTokens tree{text, {}};
  for (std::int32_t token = 0; token < vocab; ++token) tree.answers.push_back({token});
  const std::vector<double> logp = llama.forward(packed({tree}));
  return static_cast<std::int32_t>(std::max_element(logp.begin(), logp.end()) - logp.begin());
}

TEST(Generate, EqualsScoringEveryNextToken) {
  TinyModel<double> tiny(true);
  std::vector<model::GenerateRequest> requests;
  for (const TreeTokens& tree : random_trees(5, 0, 61)) requests.push_back({tree.prompt, 6});
  requests[2].max_new_tokens = 2;
  // A cache for about two sequences at a time: several batches, sequences of unlike lengths and ends.
  model::Generator<double> generator(tiny.config, tiny.store, 30);
  const auto generated = generator.generate(requests, {-1});
  ASSERT_EQ(generated.size(), requests.size());
  for (std::size_t r = 0; r < requests.size(); ++r) {
    Tokens text = requests[r].prompt, expected;
    for (std::int64_t i = 0; i < requests[r].max_new_tokens; ++i) {
      expected.push_back(best_next(tiny.llama, text, 61));
      text.push_back(expected.back());
    }
    EXPECT_EQ(generated[r], expected) << "request " << r;
  }
}

TEST(Generate, EndsAtTheEndTokenAndWhenToldTo) {
  TinyModel<double> tiny(false);
  const std::vector<model::GenerateRequest> requests{{random_trees(1, 0, 61)[0].prompt, 8}};
  model::Generator<double> generator(tiny.config, tiny.store, 100);
  const Tokens free = generator.generate(requests, {-1})[0];
  ASSERT_EQ(free.size(), 8u);
  const Tokens ended = generator.generate(requests, {free[0]})[0];
  EXPECT_EQ(ended, Tokens{free[0]});
  int done = 0;
  const Tokens stopped = generator.generate(
      requests,
      {-1, [](std::size_t, std::span<const std::int32_t> tokens) { return tokens.size() == 3; }, [&] { ++done; }})[0];
  EXPECT_EQ(stopped, Tokens(free.begin(), free.begin() + 3));
  EXPECT_EQ(done, 1);
}

constexpr std::int32_t kEnd = 60;

// Random candidates, and where the index allows the greedy answer itself, its beginning, and one that leaves it late;
// all with the end token behind. Of the model the end token follows seldom, so paths leave the candidates, too.
std::vector<TreeTokens> trees_with_greedy_answers(TinyModel<double>& tiny) {
  std::vector<TreeTokens> trees = random_trees(6, 3, kEnd);
  for (std::size_t t = 0; t < trees.size(); ++t) {
    Tokens text = trees[t].prompt, greedy;
    for (int i = 0; i < 4; ++i) {
      greedy.push_back(best_next(tiny.llama, text, 61));
      text.push_back(greedy.back());
    }
    Tokens beginning(greedy.begin(), greedy.begin() + 2), late = greedy;
    late.back() = (late.back() + 1) % kEnd;
    if (t % 3 != 0) trees[t].answers.insert(trees[t].answers.begin() + 1, {beginning, late, greedy});
    for (Tokens& answer : trees[t].answers) {
      answer.erase(std::ranges::find(answer, kEnd), answer.end());
      answer.push_back(kEnd);
    }
  }
  return trees;
}

std::vector<model::TreeRequest> tree_requests(const std::vector<TreeTokens>& trees) {
  std::vector<model::TreeRequest> requests;
  for (const TreeTokens& tree : trees) requests.push_back({tree.prompt, {tree.answers.begin(), tree.answers.end()}, 7});
  return requests;
}

TEST(AnswerTrees, EqualsGeneratingAndScoring) {
  TinyModel<double> tiny(true);
  const std::vector<TreeTokens> trees = trees_with_greedy_answers(tiny);
  // The end token of another run of the same trees: the last token of one greedy answer, so that its path ends.
  const std::int32_t other_end = trees[1].answers[3][3];
  for (const std::int32_t end_id : {kEnd, other_end}) {
    std::vector<TreeTokens> ended = trees;
    for (TreeTokens& tree : ended)
      for (Tokens& answer : tree.answers) {
        answer.erase(std::ranges::find(answer, end_id), answer.end());
        answer.push_back(end_id);
      }
    std::vector<model::GenerateRequest> prompts;
    for (const TreeTokens& tree : ended) prompts.push_back({tree.prompt, 7});
    const auto expected = model::Generator<double>(tiny.config, tiny.store, 1000).generate(prompts, {end_id});
    for (const std::int64_t batch_tokens : {1, 60, 1000}) {
      std::size_t done = 0;
      model::Generator<double> generator(tiny.config, tiny.store, batch_tokens);
      const auto answers = generator.answer(tree_requests(ended), model::Choices::kAll, {end_id, {}, [&] { ++done; }});
      EXPECT_EQ(done, ended.size());
      for (std::size_t t = 0; t < ended.size(); ++t) {
        EXPECT_EQ(answers[t].generated, expected[t]) << "tree " << t << ", end " << end_id;
        const std::vector<double> logp = tiny.llama.forward(packed({ended[t]}));
        ASSERT_EQ(answers[t].logp.size(), logp.size());
        for (std::size_t c = 0; c < logp.size(); ++c)
          EXPECT_NEAR(answers[t].logp[c], logp[c], 1e-9 * std::abs(logp[c]));
      }
    }
  }
}

// Paths that leave their candidates late: together they have more tokens to go on with than a pass over prompts holds.
TEST(AnswerTrees, GoesOnWithManySequencesAtOnce) {
  TinyModel<double> tiny(true);
  const std::vector<TreeTokens> trees{trees_with_greedy_answers(tiny)[1]};
  const std::vector<model::TreeRequest> requests(700, tree_requests(trees)[0]);
  const std::vector<model::GenerateRequest> alone{{trees[0].prompt, 7}};
  const auto expected = model::Generator<double>(tiny.config, tiny.store, 100).generate(alone, {-1})[0];
  ASSERT_GT(expected.size(), 4u);
  model::Generator<double> generator(tiny.config, tiny.store, 1 << 20);
  for (const auto& answer : generator.answer(requests, model::Choices::kAll, {-1}))
    ASSERT_EQ(answer.generated, expected);
}

// The definition: of the tokens that continue a candidate, the most probable one, until one has ended.
Tokens trie_walk(TinyModel<double>& tiny, const TreeTokens& tree) {
  Tokens path;
  while (path.empty() || path.back() != kEnd) {
    TreeTokens next{tree.prompt, {}};
    for (const Tokens& answer : tree.answers)
      if (answer.size() > path.size() && std::equal(path.begin(), path.end(), answer.begin()))
        next.answers.emplace_back(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(path.size()) + 1);
    const std::vector<double> logp = tiny.llama.forward(packed({next}));
    path = next.answers[static_cast<std::size_t>(std::ranges::max_element(logp) - logp.begin())];
  }
  return path;
}

TEST(AnswerTrees, ChoosesAmongTheCandidatesOnly) {
  TinyModel<double> tiny(true);
  const std::vector<TreeTokens> trees = trees_with_greedy_answers(tiny);
  model::Generator<double> generator(tiny.config, tiny.store, 60);
  const auto answers = generator.answer(tree_requests(trees), model::Choices::kCandidates, {kEnd});
  for (std::size_t t = 0; t < trees.size(); ++t) {
    EXPECT_EQ(answers[t].generated, trie_walk(tiny, trees[t])) << "tree " << t;
    EXPECT_GE(std::ranges::count(trees[t].answers, answers[t].generated), 1) << "tree " << t;
  }
}

}  // namespace
}  // namespace recpo::test
