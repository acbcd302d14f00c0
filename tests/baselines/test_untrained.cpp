#include <gtest/gtest.h>

#include <algorithm>

#include "src/baselines/baseline.hpp"
#include "src/data/prepare.hpp"
#include "src/data/synthetic.hpp"
#include "src/support/check.hpp"
#include "tests/baselines/rows.hpp"

namespace recpo::baselines {
namespace {

std::vector<evaluation::Answer> answers_of(const std::string& name, const data::RowFile& rows, std::uint64_t seed) {
  const data::DataOptions options;
  const auto recommender = find_baseline(name).make_recommender({rows, options, seed});
  int progress = 0;
  const auto asked = rows.of_split(data::Split::kTest);
  const auto answers = recommender->answer(asked, true, [&] { ++progress; });
  EXPECT_EQ(progress, static_cast<int>(asked.size()));
  return answers;
}

TEST(Untrained, NamesAreThoseOfTheFiles) {
  const std::vector<std::string> names = baseline_names();
  for (const char* name : {"bayes", "caser", "gru4rec", "popularity", "random", "sasrec"})
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
  try {
    find_baseline("sasrek");
    FAIL() << "an unknown baseline was found";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_NE(std::string(error.what()).find("sasrec"), std::string::npos);
  }
}

TEST(Untrained, TheBestAnswerIsTheFirstOfEqualOnes) {
  const data::Row row = circle_row(1, data::Split::kTest);
  EXPECT_EQ(best_answer(row, {1, 3, 3, 2}, true).text, row.candidates[1].title);
  EXPECT_EQ(best_answer(row, {1, 3, 3, 2}, true).scores, (std::vector<double>{1, 3, 3, 2}));
  EXPECT_TRUE(best_answer(row, {1, 3, 3, 2}, false).scores.empty());
}

TEST(Untrained, PopularityCountsHistoriesAndAnswersOfTrainingRowsAlone) {
  data::RowFile rows;
  data::Row train = circle_row(0, data::Split::kTrain), test = circle_row(1, data::Split::kTest);
  train.history = {{"b", "B"}, {"b", "B"}, {"c", "C"}};
  train.candidates = {{"a", "A", {}, {}}, {"d", "D", {}, {}}, {"e", "E", {}, {}}, {"f", "F", {}, {}}};
  train.preferred = 1;
  test.history = {{"a", "A"}, {"a", "A"}, {"a", "A"}};  // not a training row: counts for nothing
  test.candidates = {{"a", "A", {}, {}}, {"d", "D", {}, {}}, {"b", "B", {}, {}}, {"c", "C", {}, {}}};
  rows.rows = {train, test};
  const auto answers = answers_of("popularity", rows, 1);
  EXPECT_EQ(answers[0].scores, (std::vector<double>{0, 1, 2, 1}));
  EXPECT_EQ(answers[0].text, "B");
}

TEST(Untrained, RandomIsUniformAndAFunctionOfTheSeed) {
  const data::RowFile rows = circle_rows(1, 0, 4000);
  const auto answers = answers_of("random", rows, 1), again = answers_of("random", rows, 1),
             other = answers_of("random", rows, 2);
  const auto asked = rows.of_split(data::Split::kTest);
  int hits = 0, same = 0, same_other = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    hits += answers[i].text == asked[i]->candidates[static_cast<std::size_t>(asked[i]->preferred)].title;
    same += answers[i].scores == again[i].scores;
    same_other += answers[i].scores == other[i].scores;
  }
  // Six standard deviations of a binomial count of share 1/4.
  EXPECT_NEAR(hits, 1000, 6 * std::sqrt(4000 * 0.25 * 0.75));
  EXPECT_EQ(same, 4000);
  EXPECT_EQ(same_other, 0);
}

TEST(Untrained, BayesAnswersWithTheMostLikelyCandidateOfTheMadeUpWorld) {
  data::DataOptions options;
  options.dataset = "synthetic";
  options.k_core_users = options.k_core_items = 0;
  options.synthetic.users = 200;
  const data::Prepared prepared = data::draw_rows(options, {}, 1);
  const data::SyntheticPosterior posterior(options);
  const auto recommender = find_baseline("bayes").make_recommender({prepared.rows, options, 1});
  for (const data::Split split : {data::Split::kTest, data::Split::kAdherence, data::Split::kAvoidance}) {
    const auto asked = prepared.rows.of_split(split);
    const auto answers = recommender->answer(asked, true, [] {});
    ASSERT_GT(asked.size(), 20u);
    for (std::size_t i = 0; i < asked.size(); ++i) {
      // In avoidance rows too: what is most likely to be liked next.
      const auto chances = posterior.answer(*asked[i], split == data::Split::kAvoidance ? data::Split::kTest : split);
      const auto best = std::ranges::max_element(chances) - chances.begin();
      EXPECT_EQ(answers[i].text, asked[i]->candidates[static_cast<std::size_t>(best)].title);
      EXPECT_EQ(answers[i].scores, chances);
    }
  }
}

TEST(Untrained, BayesIsKnownForTheMadeUpWorldAlone) {
  try {
    answers_of("bayes", circle_rows(1, 0, 4), 1);  // data.dataset is ml-100k
    FAIL() << "an answer where none is known to be the best";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kUsage);
    EXPECT_NE(std::string(error.what()).find("data.dataset"), std::string::npos);
  }
}

}  // namespace
}  // namespace recpo::baselines
