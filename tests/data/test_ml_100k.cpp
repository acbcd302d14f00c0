// Rows of the real MovieLens-100K against a second reading of the same file: sequences sorted by (time, line), and
// every promise of a row decided from them by plain loops. The data may not be committed; the test looks for it in
// $RECPO_DATA and in data/ beside the sources, and says so when it is skipped.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "src/data/prepare.hpp"

namespace recpo::data {
namespace {
namespace fs = std::filesystem;

struct Rating {
  long time;
  int line;
  std::string item;
  int stars;
  bool operator<(const Rating& other) const { return std::pair(time, line) < std::pair(other.time, other.line); }
};
using Log = std::map<std::string, std::vector<Rating>>;  // by user, in time order

fs::path data_folder() {
  const char* chosen = std::getenv("RECPO_DATA");
  const fs::path root = chosen != nullptr ? fs::path(chosen) : fs::path(RECPO_SOURCE_DIR) / "data";
  for (const fs::path& folder : {root / "ml-100k", root})
    if (fs::exists(folder / "ml-100k.inter") || fs::exists(folder / "u.data")) return folder;
  return {};
}

Log read_log(const fs::path& folder) {
  const bool published = fs::exists(folder / "u.data");
  std::ifstream file(folder / (published ? "u.data" : "ml-100k.inter"));
  std::string line, user, item;
  if (!published) std::getline(file, line);
  Log log;
  for (int number = 0; std::getline(file, line); ++number) {
    std::istringstream fields(line);
    double stars = 0, time = 0;
    fields >> user >> item >> stars >> time;
    log[user].push_back({static_cast<long>(time), number, item, static_cast<int>(stars)});
  }
  for (auto& [name, ratings] : log) std::sort(ratings.begin(), ratings.end());
  return log;
}

// Users and items with at least five ratings, by deleting from counted sets until nothing changes.
Log five_core(Log log) {
  for (bool changed = true; changed;) {
    changed = false;
    std::map<std::string, int> degree;
    for (const auto& [user, ratings] : log)
      for (const Rating& rating : ratings) ++degree[rating.item];
    for (auto user = log.begin(); user != log.end();) {
      changed |= std::erase_if(user->second, [&](const Rating& r) { return degree[r.item] < 5; }) > 0;
      const bool gone = user->second.size() < 5;
      changed |= gone;
      user = gone ? log.erase(user) : std::next(user);
    }
  }
  return log;
}

// The preferred following item of a training question after `position` ratings, -1 when there is none.
int preferred_of(const std::vector<Rating>& ratings, int position) {
  const int end = std::min<int>(position + 10, static_cast<int>(ratings.size()) - 2);
  int best = position;
  const auto value = [&](int i) { return ratings[static_cast<std::size_t>(i)].stars / std::sqrt(i - position + 1.0); };
  for (int i = end - 1; i >= position; --i)
    if (value(i) >= value(best)) best = i;
  return ratings[static_cast<std::size_t>(best)].stars >= 4 ? best : -1;
}

class MovieLens100K : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = data_folder();
    if (folder_.empty()) GTEST_SKIP() << "no MovieLens-100K: set RECPO_DATA to the folder that holds ml-100k/";
    options_.path = folder_;
    log_ = read_log(folder_);
    core_ = five_core(log_);
  }
  fs::path folder_;
  DataOptions options_;
  Log log_, core_;
};
}  // namespace

TEST_F(MovieLens100K, CountsAreThePublishedOnes) {
  const Prepared prepared = draw_rows(options_, {}, 1);
  const auto summary = nlohmann::json::parse(prepared.summary_json);
  EXPECT_EQ(summary["counts"]["imported"].dump(), R"({"interactions":100000,"items":1682,"users":943})");
  std::size_t core_interactions = 0, train = 0, valid = 0, test = 0, adherence = 0, avoidance = 0;
  for (const auto& [user, ratings] : core_) {
    const int n = static_cast<int>(ratings.size());
    core_interactions += ratings.size();
    for (int position = 5; position < n - 2; ++position) train += preferred_of(ratings, position) >= 0;
    const int last = ratings.back().stars, second_last = ratings[ratings.size() - 2].stars;
    valid += second_last >= 4;
    test += last >= 4;
    adherence += second_last >= 4 && last >= 4;
    avoidance += last <= 2;
  }
  EXPECT_EQ(summary["counts"]["k_core"]["interactions"], core_interactions);
  EXPECT_EQ(summary["counts"]["k_core"]["users"], core_.size());
  EXPECT_EQ(summary["rows"]["train"], 10000);
  EXPECT_EQ(summary["dropped"]["train: over data.max_train_rows"], train - 10000);
  EXPECT_EQ(summary["rows"]["valid"], valid);
  EXPECT_EQ(summary["rows"]["test"], test);
  EXPECT_EQ(summary["rows"]["avoidance"], avoidance);
  const std::size_t same_title = summary["dropped"].value("adherence: liked items at the end share a title", 0);
  EXPECT_EQ(summary["rows"]["adherence"], adherence - same_title);
}

TEST_F(MovieLens100K, EveryRowFollowsFromTheLog) {
  const Prepared prepared = draw_rows(options_, {}, 1);
  std::set<std::string> core_items;
  for (const auto& [user, ratings] : core_)
    for (const Rating& rating : ratings) core_items.insert(rating.item);
  for (const Row& row : prepared.rows.rows) {
    const std::vector<Rating>& ratings = core_.at(row.user);
    const int position = row.history_length, n = static_cast<int>(ratings.size());
    // History: the last twenty before the question.
    ASSERT_EQ(row.history.size(), static_cast<std::size_t>(std::min(20, position)));
    for (int i = 0; i < static_cast<int>(row.history.size()); ++i) {
      const Rating& rating = ratings[static_cast<std::size_t>(position - static_cast<int>(row.history.size()) + i)];
      EXPECT_EQ(row.history[static_cast<std::size_t>(i)].item, rating.item);
      EXPECT_EQ(row.history[static_cast<std::size_t>(i)].rating, rating.stars);
      EXPECT_EQ(row.history[static_cast<std::size_t>(i)].time, rating.time);
    }
    // Preferred item.
    const Candidate& preferred = row.candidates.at(static_cast<std::size_t>(row.preferred));
    int expected = position;
    if (row.split == Split::kTrain) expected = preferred_of(ratings, position);
    ASSERT_GE(expected, 0) << row.id;
    EXPECT_EQ(preferred.item, ratings[static_cast<std::size_t>(expected)].item);
    EXPECT_EQ(position, row.split == Split::kTest || row.split == Split::kAvoidance ? n - 1
                        : row.split == Split::kTrain                                ? position
                                                                                    : n - 2);
    // Candidates: feedback of the right interaction, or an item the user never touched.
    std::set<std::string> whole, titles;
    for (const Rating& rating : log_.at(row.user)) whole.insert(rating.item);
    const int end = row.split == Split::kTrain ? n - 2 : n;
    for (const Candidate& candidate : row.candidates) {
      titles.insert(candidate.title);
      EXPECT_TRUE(core_items.contains(candidate.item));
      if (!candidate.rating) {
        EXPECT_FALSE(whole.contains(candidate.item));
        continue;
      }
      const int index = position + static_cast<int>(*candidate.latency) - 1;
      ASSERT_TRUE(index >= position && index < std::min(position + 10, end)) << row.id;
      EXPECT_EQ(ratings[static_cast<std::size_t>(index)].item, candidate.item);
      EXPECT_EQ(ratings[static_cast<std::size_t>(index)].stars, *candidate.rating);
    }
    EXPECT_EQ(titles.size(), 20u);
  }
}

TEST_F(MovieLens100K, TitlesReadAsPeopleWriteThem) {
  options_.k_core_users = options_.k_core_items = 0;
  std::map<std::string, std::string> titles;
  const Prepared prepared = draw_rows(options_, {}, 1);
  for (const Row& row : prepared.rows.rows)
    for (const Candidate& candidate : row.candidates) titles[candidate.item] = candidate.title;
  EXPECT_EQ(titles.at("12"), "The Usual Suspects (1995)");
  EXPECT_EQ(titles.at("1"), "Toy Story (1995)");
  EXPECT_EQ(titles.at("543"), "Misérables, Les (1995)");
  std::set<std::string> distinct;
  for (const auto& [item, title] : titles) distinct.insert(title);
  EXPECT_GT(titles.size(), 1600u);
  EXPECT_LT(distinct.size(), titles.size());
}

}  // namespace recpo::data
