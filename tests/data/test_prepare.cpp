// prepare from end to end on a small log: what rows promise, what identifies them, and what is refused.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "src/data/prepare.hpp"
#include "src/data/prompts.hpp"
#include "src/support/file.hpp"
#include "tests/data/expect_error.hpp"
#include "tests/data/prepared_rows.hpp"
#include "tests/support/other_value.hpp"

namespace recpo::data {
namespace {
using Edit = std::function<void(SmallData&)>;

std::string hash_after(const Edit& edit) {
  SmallData data;
  edit(data);
  return rows_identity(data.options, data.prompt, data.seed, "tokenizer", {768, 0});
}

std::set<std::string> items_of_user(const RatingLog& log, const std::string& user) {
  std::set<std::string> items;
  for (const LogLine& line : log.lines)
    if (std::to_string(line.user) == user) items.insert(std::to_string(line.item));
  return items;
}
}  // namespace

TEST(Prepare, CandidateSetsKeepTheirPromises) {
  const SmallData data;
  const RatingLog log = regular_log(30, 20, 80);
  const Prepared prepared = data.draw();
  std::map<Split, int> random_of;
  for (const Row& row : prepared.rows.rows) {
    const auto own = items_of_user(log, row.user);
    ASSERT_EQ(row.candidates.size(), 20u);
    std::set<std::string> titles;
    int random = 0;
    for (const Candidate& candidate : row.candidates) {
      titles.insert(candidate.title);
      EXPECT_EQ(candidate.rating.has_value(), candidate.latency.has_value());
      EXPECT_EQ(own.contains(candidate.item), candidate.rating.has_value());
      random += !candidate.rating;
    }
    EXPECT_EQ(titles.size(), 20u);
    const int fewest = row.split == Split::kTrain ? 10 : row.split == Split::kAdherence ? 18 : 19;
    EXPECT_TRUE(row.split == Split::kTrain ? random >= fewest : random == fewest) << random;
    random_of[row.split] = random;
    const std::set<std::int32_t> negatives(row.negatives.begin(), row.negatives.end());
    EXPECT_EQ(negatives.size(), 19u);
    EXPECT_FALSE(negatives.contains(row.preferred));
    for (const auto index : negatives) EXPECT_TRUE(index >= 0 && index < 20);
    EXPECT_EQ(std::ranges::count(row.prompt, '\n'), 20 + 2 + static_cast<int>(row.history.size()));
  }
  EXPECT_EQ(random_of.size(), 5u) << "the log must make rows of every split";
}

// Where the preferred item stands, and which candidates are rejected, must say nothing: all places occur about as
// often.
TEST(Prepare, PlacesAreUniform) {
  SmallData data;
  data.options.max_train_rows = 0;
  std::vector<int> preferred(20), negative(20);
  int rows = 0;
  for (data.seed = 1; data.seed <= 10; ++data.seed) {
    const Prepared prepared = data.draw();
    for (const Row* row : prepared.rows.of_split(Split::kTrain)) {
      ++preferred[static_cast<std::size_t>(row->preferred)];
      for (std::size_t k = 0; k < 3; ++k) ++negative[static_cast<std::size_t>(row->negatives[k])];
      ++rows;
    }
  }
  // Binomial counts: five standard deviations, 40 counts, a fair draw fails once in 40,000 tries.
  const auto expect_near = [](int count, double trials, double probability) {
    EXPECT_NEAR(count, trials * probability, 5 * std::sqrt(trials * probability * (1 - probability)));
  };
  for (const int count : preferred) expect_near(count, rows, 1.0 / 20);
  for (const int count : negative) expect_near(count, rows, 3.0 / 20);
}

TEST(Prepare, EqualTitlesNeverMeet) {
  SmallData data;
  RatingLog log = regular_log(30, 20, 80);
  for (std::size_t i = 0; i < log.titles.size(); ++i) log.titles[i] = fmt::format("Movie {} (1990)", i / 2);
  log.write(data.folder.path());
  const Prepared prepared = data.draw();
  ASSERT_FALSE(prepared.rows.rows.empty());
  for (const Row& row : prepared.rows.rows) {
    std::set<std::string> titles;
    for (const Candidate& candidate : row.candidates) titles.insert(candidate.title);
    EXPECT_EQ(titles.size(), 20u);
    EXPECT_TRUE(row.candidates[static_cast<std::size_t>(row.preferred)].rating);
  }
}

TEST(Prepare, SeedDecidesEverythingDrawn) {
  SmallData data;
  const Prepared first = data.draw(), again = data.draw();
  ASSERT_EQ(first.rows.rows.size(), again.rows.rows.size());
  for (std::size_t i = 0; i < first.rows.rows.size(); ++i) expect_equal(first.rows.rows[i], again.rows.rows[i]);
  data.seed = 2;
  const Prepared other = data.draw();
  int same_prompts = 0;
  for (std::size_t i = 0; i < other.rows.rows.size(); ++i)
    same_prompts += i < first.rows.rows.size() && other.rows.rows[i].prompt == first.rows.rows[i].prompt;
  EXPECT_EQ(same_prompts, 0);
}

TEST(Prepare, TiersShowWhatTheyNameAndNothingElseChanges) {
  SmallData data;
  const auto rows_of = [&](Tier tier) {
    data.options.tier = tier;
    return data.draw().rows.rows;
  };
  const auto full = rows_of(Tier::kFullRating), plain = rows_of(Tier::kFull), liked = rows_of(Tier::kFilteredRating),
             liked_plain = rows_of(Tier::kFiltered);
  for (std::size_t i = 0; i < full.size(); ++i) {
    expect_equal_candidates(full[i].candidates, liked_plain[i].candidates);
    EXPECT_EQ(plain[i].prompt.find("| Rating:"), std::string::npos);
    EXPECT_EQ(liked_plain[i].prompt.find("| Rating:"), std::string::npos);
    EXPECT_NE(full[i].prompt.find(history_line(full[i].history.back(), true) + "\n"), std::string::npos);
    EXPECT_EQ(full[i].history.size(), std::min<std::size_t>(20, static_cast<std::size_t>(full[i].history_length)));
    std::vector<std::string> expected, found;
    for (const HistoryItem& item : full[i].history)  // at most 20 interactions: nothing was cut before the filter
      if (item.rating >= 4) expected.push_back(item.item);
    for (const HistoryItem& item : liked[i].history) found.push_back(item.item);
    EXPECT_EQ(found, expected);
    EXPECT_EQ(liked[i].history_length, full[i].history_length);
  }
}

TEST(Prepare, FilterComesBeforeTheCut) {
  SmallData data;
  data.options.tier = Tier::kFiltered;
  const auto whole = data.draw().rows.rows;
  data.options.max_history = 3;
  const auto cut = data.draw().rows.rows;
  ASSERT_EQ(whole.size(), cut.size());
  for (std::size_t r = 0; r < cut.size(); ++r) {
    const auto &liked = whole[r].history, &shown = cut[r].history;
    ASSERT_EQ(shown.size(), std::min<std::size_t>(3, liked.size()));
    for (std::size_t i = 1; i <= shown.size(); ++i)
      EXPECT_EQ(shown[shown.size() - i].item, liked[liked.size() - i].item);
  }
}

// A key of [data] or [synthetic] that is declared to change rows changes their hash, and no other does.
TEST(Prepare, IdentityFollowsFromTheDeclaredKeys) {
  for (const char* dataset : {"ml-1m", "synthetic"}) {
    DataOptions data;
    data.dataset = dataset;
    const std::string unchanged = drawn_hash(data, {}, 1);
    Keys keys;
    keys.section("data", changes::kRows);
    data.declare(keys);
    for (const Key& key : keys.all()) {
      const bool read = key.section != "synthetic" || data.dataset == "synthetic";
      const bool matters = (key.changed & changes::kRows) != 0 && !key.is_path && read;
      const DataOptions kept = data;
      test::change_value(key);
      EXPECT_EQ(drawn_hash(data, {}, 1) != unchanged, matters) << dataset << ", " << key.full_name();
      data = kept;
    }
    data.alpha = 1;
    EXPECT_NE(drawn_hash(data, {}, 1), unchanged);
  }
}

TEST(Prepare, EveryInputIsPartOfTheIdentity) {
  const std::vector<Edit> edits = {[](SmallData&) {}, [](SmallData& d) { d.seed = 2; },
                                   [](SmallData& d) { d.prompt.templates = template_file("", "books"); },
                                   [](SmallData& d) { append_to_file(d.folder.path() / "ratings.dat", "\n"); },
                                   [](SmallData& d) { append_to_file(d.folder.path() / "movies.dat", "\n"); }};
  std::set<std::string> hashes;
  for (const Edit& edit : edits) hashes.insert(hash_after(edit));
  EXPECT_EQ(hashes.size(), edits.size());
  SmallData data;
  const auto identity = [&](const char* tokenizer, TokenOptions tokens) {
    return rows_identity(data.options, data.prompt, data.seed, tokenizer, tokens);
  };
  EXPECT_EQ(
      (std::set{identity("a", {768, 0}), identity("b", {768, 0}), identity("a", {769, 0}), identity("a", {768, 1})})
          .size(),
      4u);
}

TEST(Prepare, IdentityForetellsTheHash) {
  const SmallData data;
  const Prepared prepared = data.prepare();
  const std::string foretold = rows_identity(data.options, data.prompt, data.seed, data.tokenizer().hash(), {4096, 0});
  EXPECT_EQ(prepared.rows.hash, foretold);
  const auto summary = nlohmann::json::parse(prepared.summary_json);
  EXPECT_EQ(summary["hashes"]["rows"], foretold);
  EXPECT_EQ(summary["counts"]["imported"]["interactions"], 600);
  EXPECT_EQ(summary["rows"]["train"], 100);
}

TEST(Prepare, TokensAreThePromptAndEveryAnswer) {
  const SmallData data;
  const Prepared prepared = data.prepare();
  const text::Tokenizer& tokenizer = data.tokenizer();
  for (const Row& row : prepared.rows.rows) {
    EXPECT_EQ(tokenizer.decode(row.prompt_ids), row.prompt);
    ASSERT_EQ(row.answer_ids.size(), row.candidates.size());
    for (std::size_t c = 0; c < row.candidates.size(); ++c) {
      std::vector<std::int32_t> joint = row.prompt_ids;
      joint.insert(joint.end(), row.answer_ids[c].begin(), row.answer_ids[c].end() - 1);
      EXPECT_EQ(row.answer_ids[c].back(), 0);
      EXPECT_EQ(joint, tokenizer.encode(row.prompt + " " + row.candidates[c].title));
    }
  }
}

TEST(Prepare, LongPromptsLoseTheirOldestHistoryFirst) {
  const SmallData data;
  const Prepared whole = data.prepare();
  std::size_t longest = 0;
  const auto length = [](const Row& row) {
    std::size_t answer = 0;
    for (const auto& ids : row.answer_ids) answer = std::max(answer, ids.size());
    return row.prompt_ids.size() + answer;
  };
  for (const Row& row : whole.rows.rows) longest = std::max(longest, length(row));
  const std::size_t limit = longest - 60;  // a few lines
  const Prepared cut = data.prepare(static_cast<std::int64_t>(limit));
  int shortened = 0;
  for (std::size_t i = 0; i < cut.rows.rows.size(); ++i) {
    const Row &before = whole.rows.rows[i], &after = cut.rows.rows[i];
    EXPECT_LE(length(after), limit);
    expect_equal_candidates(before.candidates, after.candidates);
    const std::size_t dropped = before.history.size() - after.history.size();
    shortened += dropped > 0;
    std::string expected = before.prompt;
    for (std::size_t line = 0; line < dropped; ++line) {
      const std::string oldest = history_line(before.history[line], true) + "\n";
      expected.replace(expected.find(oldest), oldest.size(), "");
    }
    EXPECT_EQ(after.prompt, expected);
    if (dropped > 0) {  // not one line more than needed
      const std::string line = history_line(before.history[dropped - 1], true) + "\n";
      EXPECT_GT(length(after) + data.tokenizer().encode(line).size(), limit);
    }
  }
  EXPECT_GT(shortened, 0);
  EXPECT_EQ(nlohmann::json::parse(cut.summary_json)["tokens"]["prompts_shortened"], shortened);
  expect_failure(65, {"row 0 (train, user 1)", "even without history", "model.max_tokens = 100"},
                 [&] { data.prepare(100); });
}

TEST(Prepare, SlipsInTheDeckAreNamed) {
  const auto refuse = [](int code, std::initializer_list<std::string> parts, const Edit& edit) {
    SmallData data;
    edit(data);
    expect_failure(code, parts, [&] { data.draw(); });
    expect_failure(code, parts, [&] { rows_identity(data.options, data.prompt, 1, "", {768, 0}); });
  };
  refuse(64, {"data.negatives = 20", "data.candidates = 20"}, [](SmallData& d) { d.options.negatives = 20; });
  refuse(64, {"data.dataset", "ml-100k", "rows"}, [](SmallData& d) { d.options.dataset = "ml-10m"; });
  refuse(64, {"data.min_history"}, [](SmallData& d) { d.options.min_history = 0; });
  refuse(64, {"data.default_latency"}, [](SmallData& d) { d.options.default_latency = 0; });
  refuse(65, {"data.path", "nowhere"}, [](SmallData& d) { d.options.path = "nowhere"; });
  refuse(65, {"movies.dat"}, [](SmallData& d) { std::filesystem::remove(d.folder.path() / "movies.dat"); });
  refuse(65, {"none.txt"}, [](SmallData& d) { d.prompt.templates = "none.txt"; });
}

TEST(Prepare, BadLinesBelowTheLimitAreLeftOutAndAboveItStop) {
  SmallData data;
  append_to_file(data.folder.path() / "ratings.dat", "1::2::six::5\n1::2::9::5\n");
  expect_failure(65, {"ratings.dat", "2 of 602", "ratings.dat:601: rating 'six'"}, [&] { data.draw(); });
  data.options.max_bad_lines = 0.01;
  const auto summary = nlohmann::json::parse(data.draw().summary_json);
  EXPECT_EQ(summary["import"]["bad_lines"], 2);
  EXPECT_EQ(summary["import"]["first_bad_lines"][1], "ratings.dat:602: rating 9 is not 1-5");
  EXPECT_EQ(summary["counts"]["imported"]["interactions"], 600);
}

TEST(Prepare, ItemsWithoutTitleAppearNowhere) {
  SmallData data;
  RatingLog log = regular_log(30, 20, 80);
  log.titles[9] = " ";    // item 10: nothing is left of the title
  log.titles.pop_back();  // item 80: not in the item file
  log.write(data.folder.path());
  const Prepared prepared = data.draw();
  const auto summary = nlohmann::json::parse(prepared.summary_json);
  EXPECT_EQ(summary["dropped"]["items without title"], 2);
  const auto interactions =
      std::ranges::count_if(log.lines, [](auto& line) { return line.item == 10 || line.item == 80; });
  EXPECT_EQ(summary["counts"]["with_title"]["interactions"], 600 - interactions);
  for (const Row& row : prepared.rows.rows) {
    for (const auto& item : row.history) EXPECT_TRUE(item.item != "10" && item.item != "80");
    for (const auto& item : row.candidates) EXPECT_TRUE(item.item != "10" && item.item != "80");
  }
}

TEST(Prepare, TooFewItemsIsAnErrorNotALoop) {
  SmallData data;
  regular_log(30, 20, 24).write(data.folder.path());  // 4 items are new to a user
  expect_failure(65, {"no rows are left", "data.candidates"}, [&] { data.draw(); });
}

}  // namespace recpo::data
