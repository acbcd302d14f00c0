// Cached greedy decoding equals choosing the best next token by scoring every one of them with the tree pass.

#include <gtest/gtest.h>

#include <algorithm>

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
  const auto generated = generator.generate(requests, -1);
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
  const Tokens free = generator.generate(requests, -1)[0];
  ASSERT_EQ(free.size(), 8u);
  const Tokens ended = generator.generate(requests, free[0])[0];
  EXPECT_EQ(ended, Tokens{free[0]});
  int done = 0;
  const Tokens stopped = generator.generate(
      requests, -1, [](std::size_t, std::span<const std::int32_t> tokens) { return tokens.size() == 3; },
      [&] { ++done; })[0];
  EXPECT_EQ(stopped, Tokens(free.begin(), free.begin() + 3));
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace recpo::test
