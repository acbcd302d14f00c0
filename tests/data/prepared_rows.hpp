#pragma once
// Rows prepared from a small generated log, and comparisons of rows.

#include <gtest/gtest.h>

#include "src/data/prepare.hpp"
#include "tests/data/rating_log.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {

// A log of 30 users x 20 interactions over 80 items, and options that use it.
struct SmallData {
  SmallData() {
    regular_log(30, 20, 80).write(folder.path());
    options.dataset = "ml-1m";
    options.path = folder.path();
    options.max_train_rows = 100;
  }
  Prepared draw() const { return draw_rows(options, prompt, seed); }
  Prepared prepare(std::int64_t max_tokens = 4096) const {
    Prepared prepared = draw();
    tokenize_rows(prepared, prompt, tokenizer(), {max_tokens, 0});
    return prepared;
  }
  // A byte-level BPE learned from a few words.
  static const text::Tokenizer& tokenizer() {
    static const text::Tokenizer learned =
        text::Tokenizer::train(std::vector<std::string>{"Movie 12 (1990) | Rating: 5\nAnswer: Movie 1 (1990)"}, 280);
    return learned;
  }

  TemporaryFolder folder;
  DataOptions options;
  PromptOptions prompt;
  std::uint64_t seed = 1;
};

inline void expect_equal_candidates(const std::vector<Candidate>& a, const std::vector<Candidate>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t c = 0; c < a.size(); ++c) {
    EXPECT_EQ(a[c].item, b[c].item);
    EXPECT_EQ(a[c].title, b[c].title);
    EXPECT_EQ(a[c].rating, b[c].rating);
    EXPECT_EQ(a[c].latency, b[c].latency);
    EXPECT_EQ(a[c].leading_space, b[c].leading_space);
  }
}

// Everything but what a file of ready rows decides by itself: split and history_length.
inline void expect_equal_content(const Row& a, const Row& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.user, b.user);
  ASSERT_EQ(a.history.size(), b.history.size());
  for (std::size_t i = 0; i < a.history.size(); ++i) {
    EXPECT_EQ(a.history[i].item, b.history[i].item);
    EXPECT_EQ(a.history[i].title, b.history[i].title);
    EXPECT_EQ(a.history[i].rating, b.history[i].rating);
    EXPECT_EQ(a.history[i].time, b.history[i].time);
  }
  expect_equal_candidates(a.candidates, b.candidates);
  EXPECT_EQ(a.preferred, b.preferred);
  EXPECT_EQ(a.negatives, b.negatives);
  EXPECT_EQ(a.prompt, b.prompt);
  EXPECT_EQ(a.prompt_ids, b.prompt_ids);
  EXPECT_EQ(a.answer_ids, b.answer_ids);
}

inline void expect_equal(const Row& a, const Row& b) {
  expect_equal_content(a, b);
  EXPECT_EQ(a.split, b.split);
  EXPECT_EQ(a.history_length, b.history_length);
}

}  // namespace recpo::data
