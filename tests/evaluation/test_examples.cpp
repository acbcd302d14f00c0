// Example questions: the same rows for a seed, whatever else was answered.

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "src/evaluation/examples.hpp"
#include "tests/evaluation/rows.hpp"

namespace recpo::evaluation {
namespace {
std::vector<std::int64_t> first_rows(std::size_t count) {
  std::vector<std::int64_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

TEST(Examples, OneOrderForEverySubset) {
  const std::vector<std::int64_t> all = draw_examples(first_rows(100), 1, 100);
  EXPECT_EQ(std::set(all.begin(), all.end()).size(), 100u);
  EXPECT_EQ(draw_examples(first_rows(100), 1, 5), std::vector(all.begin(), all.begin() + 5));
  EXPECT_NE(draw_examples(first_rows(100), 2, 5), draw_examples(first_rows(100), 1, 5));
  std::vector<std::int64_t> half, of_half;
  for (const std::int64_t row : all)
    if (row < 50) half.push_back(row);
  EXPECT_EQ(draw_examples(first_rows(50), 1, 50), half);
  EXPECT_TRUE(draw_examples({}, 1, 5).empty());
}

TEST(Examples, TestRowsInWords) {
  data::RowFile file;
  append_rows(file, data::Split::kTrain, 4);
  append_rows(file, data::Split::kTest, 30);
  file.rows[10].history = {{"1", "Café", 4.5, 0}};
  std::vector<std::int64_t> asked = first_rows(34);
  asked.erase(asked.begin(), asked.begin() + 4);
  asked.erase(asked.begin() + 25, asked.end());  // rows 4 to 28
  std::istringstream lines(examples_jsonl(file, asked, 1));
  std::vector<std::int64_t> rows;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    rows.push_back(json.at("row"));
    const data::Row& row = file.rows[static_cast<std::size_t>(rows.back())];
    EXPECT_EQ(row.split, data::Split::kTest);
    EXPECT_EQ(json.at("chosen"), row.candidates[static_cast<std::size_t>(row.preferred)].title);
    EXPECT_EQ(json.at("candidates").size(), row.candidates.size());
    EXPECT_EQ(json.at("history").size(), row.history.size());
  }
  EXPECT_EQ(rows.size(), 20u);
  EXPECT_EQ(rows, draw_examples(asked, 1, 20));
  EXPECT_EQ(examples_jsonl(file, {0, 1}, 1), "");  // training rows
}

TEST(Examples, ValidationRowsWhereNoTestRowWasAnswered) {
  data::RowFile file;
  append_rows(file, data::Split::kValid, 2);
  append_rows(file, data::Split::kTest, 2);
  const std::string both = examples_jsonl(file, {0, 1}, 1);
  EXPECT_EQ(std::ranges::count(both, '\n'), 2);
  EXPECT_NE(both.find("\"row\":1,"), std::string::npos);
  const std::string test = examples_jsonl(file, {0, 1, 3}, 1);
  EXPECT_EQ(std::ranges::count(test, '\n'), 1);
  EXPECT_NE(test.find("\"row\":3,"), std::string::npos);
}

}  // namespace
}  // namespace recpo::evaluation
