// A small random decoder as recommender: its cached greedy decoding against the definition, the most probable token
// after the whole text so far, found with one forward pass a token and every token of the vocabulary as completion.

#include <gtest/gtest.h>

#include <algorithm>

#include "src/data/tokenize.hpp"
#include "src/evaluation/llama_recommender.hpp"
#include "src/evaluation/prediction.hpp"
#include "src/evaluation/score.hpp"
#include "src/support/check.hpp"
#include "tests/evaluation/small_model.hpp"

namespace recpo::evaluation {
namespace {
using Tokens = std::vector<std::int32_t>;

std::int32_t most_probable(SmallModel& model, const Tokens& text) {
  std::vector<Tokens> next;
  for (std::int32_t id = 0; id < model.config.vocab_size; ++id) next.push_back({id});
  TreeScorer<double> scorer(model.config, model.store, 4096);
  const TokenTree tree{text, {next.begin(), next.end()}};
  const std::vector<double> logp = scorer.score(std::span(&tree, 1), {})[0];
  return static_cast<std::int32_t>(std::max_element(logp.begin(), logp.end()) - logp.begin());
}

// Greedy continuation, without any early stop.
Tokens continuation(SmallModel& model, Tokens text, std::int64_t count) {
  Tokens generated;
  for (std::int64_t i = 0; i < count; ++i) {
    generated.push_back(most_probable(model, text));
    text.push_back(generated.back());
  }
  return generated;
}

std::vector<data::Row> questions(const SmallModel& model) {
  std::vector<data::Row> rows;
  for (int i = 0; i < 4; ++i) {
    data::Row row;
    row.prompt = "Seen: " + small_titles()[static_cast<std::size_t>(i)] + "\nAnswer:";
    std::vector<std::string> completions;
    for (int c = 0; c <= i; ++c) {
      row.candidates.push_back({"", small_titles()[static_cast<std::size_t>(c + 2)], {}, {}});
      completions.push_back(" " + row.candidates.back().title);
    }
    data::TokenizedPrompt ids = data::tokenize(model.tokenizer, row.prompt, completions, model.tokenizer.end_id());
    row.prompt_ids = ids.prompt, row.answer_ids = ids.answers;
    if (i == 3) row.candidates.resize(3), row.answer_ids.resize(3);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Answer> ask(SmallModel& model, const std::vector<data::Row>& rows, std::int32_t end_id,
                        std::int64_t batch_tokens, bool with_scores = false, Method method = Method::kAuto) {
  std::vector<const data::Row*> asked;
  for (const data::Row& row : rows) asked.push_back(&row);
  EvaluationOptions options;
  options.batch_tokens = batch_tokens;
  options.method = method;
  const auto recommender = make_llama_recommender<double>(model.config, model.store, model.tokenizer, end_id, options);
  std::size_t done = 0;
  std::vector<Answer> answers = recommender->answer(asked, with_scores, [&] { ++done; });
  EXPECT_EQ(done, rows.size());
  return answers;
}

// Swaps the head's rows of two tokens: wherever one was predicted, now the other is, and nothing else changes.
void swap_predictions(SmallModel& model, std::int32_t a, std::int32_t b) {
  const auto head = model.store.weight(model.store.index("lm_head.weight"));
  const auto host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), head);
  for (std::size_t h = 0; h < host.extent(1); ++h) std::swap(host(a, h), host(b, h));
  Kokkos::deep_copy(head, host);
}

TEST(LlamaRecommender, AnswersWithTheMostProbableTokens) {
  SmallModel model(11);
  const std::vector<data::Row> rows = questions(model);
  std::vector<std::string> expected;
  std::size_t longest = 0;
  for (const data::Row& row : rows) {
    const Tokens tokens = continuation(model, row.prompt_ids, max_answer_tokens(row));
    const auto end = std::find(tokens.begin(), tokens.end(), model.tokenizer.end_id());
    longest = std::max(longest, static_cast<std::size_t>(end - tokens.begin()));
    const std::string text = model.tokenizer.decode({tokens.begin(), end});
    expected.push_back(text.substr(0, text.find('\n')));
  }
  EXPECT_GT(longest, 3u);                                   // the cache was used
  for (const std::int64_t batch_tokens : {1, 100, 4096}) {  // one by one, some, all together
    for (const bool with_scores : {false, true}) {
      const std::vector<Answer> answers = ask(model, rows, model.tokenizer.end_id(), batch_tokens, with_scores);
      for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(answers[i].text, expected[i]) << batch_tokens;
    }
  }
}

TEST(LlamaRecommender, StopsAtTheEndTokenAtANewlineAndAtTheLimit) {
  SmallModel model(12);
  const std::vector<data::Row> rows = {questions(model)[1]};
  const auto limit = static_cast<std::size_t>(max_answer_tokens(rows[0]));
  EXPECT_EQ(limit, std::max(rows[0].answer_ids[0].size(), rows[0].answer_ids[1].size()) + 8);
  const Tokens tokens = continuation(model, rows[0].prompt_ids, max_answer_tokens(rows[0]));
  const std::int32_t end_id = model.tokenizer.end_id();
  const std::int32_t newline = model.tokenizer.encode("\n").at(0);
  ASSERT_TRUE(std::count(tokens.begin(), tokens.end(), end_id) == 0) << "choose another seed";
  ASSERT_TRUE(model.tokenizer.decode(tokens).find('\n') == std::string::npos) << "choose another seed";
  EXPECT_EQ(ask(model, rows, end_id, 4096)[0].text, model.tokenizer.decode(tokens));

  // one of the later tokens becomes the end, then the newline; the answer ends where it first came
  const std::int32_t stop = tokens[4];
  const Tokens before(tokens.begin(), std::find(tokens.begin(), tokens.end(), stop));
  ASSERT_GE(before.size(), 2u) << "choose another seed";
  for (const bool with_scores : {false, true})
    EXPECT_EQ(ask(model, rows, stop, 4096, with_scores)[0].text, model.tokenizer.decode(before));
  swap_predictions(model, stop, newline);
  for (const bool with_scores : {false, true})
    EXPECT_EQ(ask(model, rows, end_id, 4096, with_scores)[0].text, model.tokenizer.decode(before));
}

TEST(LlamaRecommender, ScoresAreSumsOfLogProbs) {
  SmallModel model(13);
  const std::vector<data::Row> rows = questions(model);
  for (const Method method : {Method::kAuto, Method::kDecode}) {
    const std::vector<Answer> answers = ask(model, rows, model.tokenizer.end_id(), 100, true, method);
    model::Llama<double> llama(model.config, model.store, {.tokens = 200, .completions = 1, .lora = {}});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(answers[i].scores.size(), rows[i].candidates.size());
      for (std::size_t c = 0; c < answers[i].scores.size(); ++c) {
        data::TreeBatch alone;  // one prompt with one answer
        const std::span<const std::int32_t> answer = rows[i].answer_ids[c];
        data::append_tree(alone, rows[i].prompt_ids, std::span(&answer, 1));
        const double expected = llama.forward(alone)[0];
        EXPECT_NEAR(answers[i].scores[c], expected, logp_bound(model.config, -expected)) << i << " " << c;
      }
    }
  }
}

TEST(LlamaRecommender, RefusesTokensOutsideTheVocabulary) {
  SmallModel model(14);
  std::vector<data::Row> rows = {questions(model)[0]};
  rows[0].prompt_ids[0] = static_cast<std::int32_t>(model.config.vocab_size);
  try {
    ask(model, rows, model.tokenizer.end_id(), 4096);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kBadInput);
    EXPECT_NE(std::string(error.what()).find("not in the model's vocabulary"), std::string::npos);
  }
}

}  // namespace
}  // namespace recpo::evaluation
