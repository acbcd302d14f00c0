// `recpo score` against one forward pass a completion.

#include <gtest/gtest.h>

#include "src/data/tokenize.hpp"
#include "src/evaluation/score.hpp"
#include "src/support/check.hpp"
#include "tests/evaluation/small_model.hpp"

namespace recpo::evaluation {
namespace {
const std::vector<std::string> kPrompts = {"Seen: Heat\nAnswer:", "Answer:", "nothing asked", "Seen: Café"};
const std::vector<std::vector<std::string>> kCompletions = {
    {" Alien (1979)", " Heat Wave"}, {" Toy Story (1995)"}, {}, {"", " Café Müller", " Alien"}};

TEST(Score, EqualsOnePassACompletion) {
  SmallModel model(21);
  const std::int32_t end_id = model.tokenizer.end_id();
  model::Llama<double> llama(model.config, model.store, {.tokens = 200, .completions = 1, .lora = {}});
  for (const std::int64_t batch_tokens : {1, 50, 4096}) {
    const std::vector<ScoredLine> lines =
        score<double>(model.config, model.store, model.tokenizer, end_id, kPrompts, kCompletions, batch_tokens);
    ASSERT_EQ(lines.size(), kPrompts.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
      ASSERT_EQ(lines[i].logp.size(), kCompletions[i].size());
      for (std::size_t c = 0; c < kCompletions[i].size(); ++c) {
        const data::TokenizedPrompt ids =
            data::tokenize(model.tokenizer, kPrompts[i], std::span(&kCompletions[i][c], 1), end_id);
        data::TreeBatch alone;
        const std::span<const std::int32_t> answer = ids.answers[0];
        data::append_tree(alone, ids.prompt, std::span(&answer, 1));
        const double expected = llama.forward(alone)[0];
        EXPECT_NEAR(lines[i].logp[c], expected, logp_bound(model.config, -expected)) << i << " " << c;
        EXPECT_EQ(lines[i].tokens[c], static_cast<int>(answer.size()));
      }
    }
  }
}

TEST(Score, EmptyPromptWithoutBeginTokenIsBadInput) {
  SmallModel model(22);
  const std::vector<std::string> prompts = {""};
  const std::vector<std::vector<std::string>> completions = {{" x"}};
  EXPECT_THROW(score<double>(model.config, model.store, model.tokenizer, 0, prompts, completions, 100), Error);
}

}  // namespace
}  // namespace recpo::evaluation
