// dataset = "rows": files of ready rows, our own export among them.

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "src/support/file.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/data/prepared_rows.hpp"

namespace recpo::data {
namespace {
Prepared import_text(const std::string& content, double max_bad_lines = 0.001) {
  const TemporaryFolder folder;
  write_file(folder.path() / "own.jsonl", content);
  DataOptions options;
  options.dataset = "rows";
  options.train = folder.path() / "own.jsonl";
  options.max_bad_lines = max_bad_lines;
  return draw_rows(options, {}, 1);
}

Row import_line(const std::string& line) { return import_text(line).rows.rows.at(0); }
}  // namespace

TEST(PreferenceJsonl, TrlRowsWorkAsTheyAre) {
  const Row one = import_line(R"({"prompt": "Q:", "chosen": " a", "rejected": " b"})");
  EXPECT_EQ(one.split, Split::kTrain);
  EXPECT_EQ(one.prompt, "Q:");
  ASSERT_EQ(one.candidates.size(), 2u);
  EXPECT_EQ(completion(one.candidates[0]), " a");
  EXPECT_EQ(one.candidates[1].title, "b");
  EXPECT_EQ(one.preferred, 0);
  EXPECT_EQ(one.negatives, (std::vector<std::int32_t>{1}));
  EXPECT_FALSE(one.candidates[0].rating || one.candidates[0].latency);

  const Row bare = import_line(R"({"prompt": "Q: ", "chosen": "a b", "rejected": ["b", "  c"]})");
  EXPECT_EQ(completion(bare.candidates[0]), "a b");
  EXPECT_EQ(completion(bare.candidates[2]), "  c");
  EXPECT_EQ(bare.negatives, (std::vector<std::int32_t>{1, 2}));
  EXPECT_TRUE(import_line(R"({"prompt": "Q:", "chosen": " a"})").negatives.empty());
}

TEST(PreferenceJsonl, FeedbackAndCandidatesAreTaken) {
  const Row row = import_line(
      R"({"prompt": "Q:", "chosen": " c", "rejected": [" a", " new"], "chosen_rating": 5, "chosen_latency": 2.5, )"
      R"("rejected_rating": [1, null], "rejected_latency": [null, 3], "candidates": ["a", " b", "c"]})");
  ASSERT_EQ(row.candidates.size(), 4u);  // an answer that is no candidate is added
  EXPECT_EQ(row.preferred, 2);
  EXPECT_EQ(row.negatives, (std::vector<std::int32_t>{0, 3}));
  EXPECT_EQ(row.candidates[2].rating, 5);
  EXPECT_EQ(row.candidates[2].latency, 2.5);
  EXPECT_EQ(row.candidates[0].rating, 1);
  EXPECT_FALSE(row.candidates[0].latency);
  EXPECT_EQ(row.candidates[3].latency, 3);
  EXPECT_EQ(row.candidates[1].title, "b");
  for (const Candidate& candidate : row.candidates) EXPECT_EQ(completion(candidate), " " + candidate.title);
  const Row mixed = import_line(R"({"prompt": "Q:", "chosen": "c", "rejected": " a", "candidates": ["a", "b", "c"]})");
  EXPECT_EQ(completion(mixed.candidates[0]) + completion(mixed.candidates[1]) + completion(mixed.candidates[2]),
            " abc");
}

TEST(PreferenceJsonl, BadLinesAreNamed) {
  const std::string good = R"({"prompt": "Q:", "chosen": " a", "rejected": " b"})";
  const std::pair<const char*, const char*> bad_lines[] = {
      {"{", "JSON"},
      {"[1]", "not a JSON object"},
      {R"({"chosen": "a"})", "no \"prompt\""},
      {R"({"prompt": "Q:"})", "no \"chosen\""},
      {R"({"prompt": "", "chosen": "a"})", "\"prompt\" is empty"},
      {R"({"prompt": 3, "chosen": "a"})", "\"prompt\" is not text"},
      {R"({"prompt": "Q:", "chosen": "a", "rejected": [1]})", "\"rejected\" is not text"},
      {R"({"prompt": "Q:", "chosen": " a", "rejected": "a"})", "equals the chosen"},
      {R"({"prompt": "Q:", "chosen": "a", "rejected": "b", "rejected_rating": [1, 2]})", "2 values for 1"},
      {R"({"prompt": "Q:", "chosen": "a", "chosen_rating": "5"})", "chosen_rating"},
      {R"({"prompt": "Q:", "chosen": "a", "chosen_latency": 0})", "chosen_latency"},
      {"{\"prompt\": \"\xff\", \"chosen\": \"a\"}", "JSON"}};
  for (const auto& [line, part] : bad_lines)
    expect_failure(65, {"1 of 2", "own.jsonl:2", part}, [&] { import_text(good + "\n" + line + "\n"); });
  const Prepared kept = import_text(good + "\n{\n" + good, 0.5);
  EXPECT_EQ(kept.rows.rows.size(), 2u);
  EXPECT_EQ(kept.origins[1].where, "own.jsonl:3");
  expect_failure(65, {"own.jsonl", "no rows"}, [&] { import_text("\n"); });
  DataOptions options;
  options.dataset = "rows";
  expect_failure(64, {"data.train"}, [&] { draw_rows(options, {}, 1); });
  options.train = "missing.jsonl";
  expect_failure(65, {"missing.jsonl"}, [&] { draw_rows(options, {}, 1); });
}

TEST(PreferenceJsonl, AFileForSeveralSplitsIsDividedByPrompts) {
  const TemporaryFolder folder;
  std::string content;
  for (int i = 0; i < 200; ++i)  // two rows a prompt
    content += fmt::format(R"({{"prompt": "Q{}:", "chosen": " {}", "rejected": " b"}})", i % 100, i) + "\n";
  DataOptions options;
  options.dataset = "rows";
  options.train = options.valid = options.test = folder.path() / "own.jsonl";
  write_file(options.train, content);
  const RowFile rows = draw_rows(options, {}, 1).rows;
  std::set<std::string> answers;
  std::map<std::string, std::set<Split>> splits;
  for (std::size_t i = 0; i < rows.rows.size(); ++i) {
    EXPECT_EQ(rows.rows[i].id, static_cast<std::int64_t>(i));
    EXPECT_TRUE(i == 0 || rows.rows[i - 1].split <= rows.rows[i].split);
    EXPECT_TRUE(answers.insert(rows.rows[i].candidates[0].title).second);
    splits[rows.rows[i].prompt].insert(rows.rows[i].split);
  }
  EXPECT_EQ(answers.size(), 200u);
  for (const auto& [prompt, in] : splits) EXPECT_EQ(in.size(), 1u) << prompt;
  EXPECT_EQ(rows.of_split(Split::kTrain).size(), 160u);
  EXPECT_EQ(rows.of_split(Split::kValid).size(), 20u);
  EXPECT_EQ(rows.of_split(Split::kTest).size(), 20u);
  DataOptions other = options;
  other.test = folder.path() / "copy" / "own.jsonl";
  std::filesystem::create_directory(folder.path() / "copy");
  write_file(other.test, content);
  EXPECT_NE(draw_rows(other, {}, 1).rows.hash, rows.hash);  // the same content, for other splits
}

TEST(PreferenceJsonl, TooLongARowIsNamedByItsLine) {
  Prepared prepared = import_text(R"({"prompt": "Q:", "chosen": " a"})"
                                  "\n\n"
                                  R"({"prompt": "a much longer question", "chosen": " a"})");
  expect_failure(65, {"own.jsonl:3", "model.max_tokens = 8"}, [&] {
    tokenize_rows(prepared, {}, SmallData::tokenizer(), {8, 0});
  });
}

TEST(PreferenceJsonl, ExportIsReadBackAsTheSameRows) {
  const SmallData data;
  const TemporaryFolder folder;
  Prepared original = data.prepare();
  export_rows(folder.path() / "rows.jsonl", original.rows);
  DataOptions options;
  options.dataset = "rows";
  options.test = folder.path() / "rows.jsonl";
  Prepared again = draw_rows(options, {}, 5);
  tokenize_rows(again, {}, data.tokenizer(), {4096, 0});
  ASSERT_EQ(again.rows.rows.size(), original.rows.rows.size());
  for (std::size_t i = 0; i < again.rows.rows.size(); ++i) {
    expect_equal_content(again.rows.rows[i], original.rows.rows[i]);
    EXPECT_EQ(again.rows.rows[i].split, Split::kTest);
  }
  export_rows(folder.path() / "again.jsonl", again.rows);
  const auto without_split = [](std::string text) {
    for (const char* name : {"train", "valid", "adherence", "avoidance"}) {
      const std::string field = std::string("\"split\":\"") + name + "\"";
      for (auto at = text.find(field); at != std::string::npos; at = text.find(field))
        text.replace(at, field.size(), "\"split\":\"test\"");
    }
    return text;
  };
  EXPECT_EQ(read_file(folder.path() / "again.jsonl"), without_split(read_file(folder.path() / "rows.jsonl")));
}

TEST(PreferenceJsonl, ExportHasTheFieldsOfTheInterface) {
  const SmallData data;
  const TemporaryFolder folder;
  const Prepared prepared = data.draw();
  export_rows(folder.path() / "rows.jsonl", prepared.rows);
  const std::string text = read_file(folder.path() / "rows.jsonl");
  const auto line = nlohmann::ordered_json::parse(text.substr(0, text.find('\n')));
  std::vector<std::string> keys;
  for (const auto& [key, value] : line.items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"row", "split", "user", "history", "candidates", "preferred", "negatives",
                                            "prompt", "chosen", "rejected", "chosen_rating", "chosen_latency",
                                            "rejected_rating", "rejected_latency"}));
  const Row& row = prepared.rows.rows[0];
  EXPECT_EQ(line["split"], "train");
  EXPECT_EQ(line["chosen"], " " + row.candidates[static_cast<std::size_t>(row.preferred)].title);
  EXPECT_EQ(line["rejected"].size(), 19u);  // all drawn; the program exports data.negatives of them
  EXPECT_EQ(line["history"][0]["time"], row.history[0].time);
  for (std::size_t c = 0; c < 20; ++c)
    EXPECT_EQ(line["candidates"][c]["rating"].is_null(), !row.candidates[c].rating.has_value());
}

}  // namespace recpo::data
