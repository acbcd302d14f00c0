#include <gtest/gtest.h>

#include "src/data/prompts.hpp"
#include "src/support/file.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace recpo::data {
namespace {
PromptTemplates parse(const std::string& content) {
  const TemporaryFolder folder;
  write_file(folder.path() / "t.txt", content);
  return PromptTemplates::load(folder.path() / "t.txt");
}

std::vector<Candidate> two_candidates() {
  std::vector<Candidate> candidates(2);
  candidates[0].title = "First";
  candidates[1].title = "Second";
  return candidates;
}
}  // namespace

TEST(Prompts, AreRenderedLineByLine) {
  const auto templates =
      parse("# comment\n\nSeen:\n{history}\nChoose:\n{candidates}\nAnswer:\n\n---\r\n{history}\r\n{candidates}\n");
  ASSERT_EQ(templates.size(), 2u);
  const std::vector<HistoryItem> history{{"1", "Toy Story (1995)", 5, 0}, {"2", "Half {candidates}", 3.5, 0}};
  const Prompt prompt = templates.render(0, history, two_candidates(), true);
  EXPECT_EQ(prompt.text,
            "Seen:\nToy Story (1995) | Rating: 5\nHalf {candidates} | Rating: 3.5\nChoose:\nFirst\nSecond\nAnswer:");
  EXPECT_EQ(prompt.text.substr(prompt.history_begin, prompt.history_end - prompt.history_begin),
            "Toy Story (1995) | Rating: 5\nHalf {candidates} | Rating: 3.5\n");
  EXPECT_EQ(templates.render(1, history, two_candidates(), false).text,
            "Toy Story (1995)\nHalf {candidates}\nFirst\nSecond");
  EXPECT_EQ(templates.render(0, {}, two_candidates(), true).text, "Seen:\nChoose:\nFirst\nSecond\nAnswer:");
}

TEST(Prompts, SlipsAreNamedWithTheirLine) {
  expect_failure(65, {"t.txt:2", "{candidates}"}, [] { parse("# c\nSeen\n{history}\nAnswer:"); });
  expect_failure(65, {"t.txt:5", "{history}"}, [] { parse("{history}\n{candidates}\nA:\n---\n{candidates}\nA:"); });
  expect_failure(65, {"t.txt:1", "own"}, [] { parse("Seen {history}\n{candidates}\n"); });
  expect_failure(65, {"t.txt:2", "second"}, [] { parse("{history}\n{history}\n{candidates}\n"); });
  expect_failure(65, {"t.txt:2", "before"}, [] { parse("{candidates}\n{history}\n"); });
  expect_failure(65, {"t.txt:2", "{titles}"}, [] { parse("{history}\n{titles}\n{candidates}\n"); });
  expect_failure(65, {"t.txt", "no template"}, [] { parse("# nothing\n---\n\n"); });
  expect_failure(65, {"t.txt", "UTF-8"}, [] { parse("{history}\n{candidates}\n\xff"); });
  expect_failure(65, {"missing.txt"}, [] { PromptTemplates::load("missing.txt"); });
}

TEST(Prompts, ShippedTemplatesEndWhereTheAnswerBegins) {
  for (const char* domain : {"movies", "books", "games", "beers", "generic"}) {
    const auto templates = PromptTemplates::load(template_file("", domain));
    EXPECT_GE(templates.size(), 5u) << domain;
    for (std::size_t i = 0; i < templates.size(); ++i)
      EXPECT_TRUE(templates.render(i, {}, two_candidates(), true).text.ends_with("\nSecond\nAnswer:")) << domain;
  }
}

}  // namespace recpo::data
