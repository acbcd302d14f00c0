#pragma once
// Keys of a deck's sections [data], [synthetic] and [prompt].

#include <cstdint>
#include <string>
#include <vector>

#include "src/support/keys.hpp"

namespace recpo::data {

std::vector<std::string> dataset_names();  // registered data sets, sorted

inline constexpr std::int64_t kMany = 1000000000;  // bound of counts, so that sums of them fit

enum class Tier : std::uint8_t { kFiltered, kFull, kFilteredRating, kFullRating };
constexpr auto names_of(Tier) { return std::array{"filtered", "full", "filtered+rating", "full+rating"}; }
constexpr bool shows_ratings(Tier tier) { return tier == Tier::kFilteredRating || tier == Tier::kFullRating; }
constexpr bool shows_liked_only(Tier tier) { return tier == Tier::kFiltered || tier == Tier::kFilteredRating; }

enum class Positive : std::uint8_t { kBestUtility, kNextLiked };
constexpr auto names_of(Positive) { return std::array{"best-utility", "next-liked"}; }

enum class AdherencePositive : std::uint8_t { kNearest, kBestUtility };
constexpr auto names_of(AdherencePositive) { return std::array{"nearest", "best-utility"}; }

enum class LatencyUnit : std::uint8_t { kSteps, kDays };
constexpr auto names_of(LatencyUnit) { return std::array{"steps", "days"}; }

inline constexpr const char* kSyntheticSection = "synthetic";

// Synthetic data with a known Bayes-optimal recommender (src/data/synthetic.hpp).
struct SyntheticOptions {
  static constexpr std::int64_t kMaxGenres = 12;

  std::uint64_t seed = 1;
  std::int64_t users = 4000;
  std::int64_t types = 8;
  std::int64_t genres = 10, titles = 6;
  std::int64_t shortest = 8, longest = 14;
  double eagerness = 1.0;
  double rating_noise = 0.2;

  void declare(Keys& key) {
    key("seed", seed, "random seed of the synthetic items and users; independent of run.seed");
    key("users", users, "number of users").between(1, 1e7);
    key("types", types, "types of users; all users of a type have the same taste").between(1, 1e4);
    key("genres", genres, "genres: a type loves one, likes another and cares little for the rest")
        .between(2, kMaxGenres);
    key("titles", titles, "titles per genre; a title names its genre").at_least(1);
    key("shortest", shortest, "fewest interactions of a user").at_least(1);
    key("longest", longest, "most interactions of a user").at_least(1);
    key("eagerness", eagerness, "a point of taste multiplies the rate at which an item is taken by e^eagerness")
        .between(0, 5);
    key("rating_noise", rating_noise, "share of ratings drawn uniformly from 1 to 5, independent of taste")
        .between(0, 1);
  }
};

// Throws kUsage naming the key that is out of range or contradicts another (synthetic.cpp).
void check_synthetic(const SyntheticOptions& options);

// Names of the columns of tables with a header (src/data/table.hpp).
struct ColumnOptions {
  std::string user, item, rating, time, title;

  void declare(Keys& key) {
    key("user", user, "csv, recbole: column of users; \"\" = found by the names that it usually has");
    key("item", item, "csv, recbole: column of items, likewise");
    key("rating", rating, "csv, recbole: column of ratings, likewise; csv without one: every interaction is liked");
    key("time", time, "csv, recbole: column of times: seconds, milliseconds or ISO 8601; csv without one: file order");
    key("title", title, "csv, recbole: column of titles; csv without data.items: in the file of interactions");
  }
};

struct DataOptions {
  std::string dataset = "ml-100k";
  std::string path = "data/ml-100k";  // absolute once the deck is read
  std::string train, valid, test;
  std::string interactions, items;
  std::int64_t k_core_users = 5, k_core_items = 5;
  std::int64_t min_history = 5, max_history = 20;
  std::int64_t max_train_rows = 10000;
  std::int64_t max_eval_rows = 0;
  std::int64_t candidates = 20, window = 10, negatives = 3;
  Tier tier = Tier::kFullRating;
  Positive positive = Positive::kBestUtility;
  double liked_rating = 4;
  LatencyUnit latency_unit = LatencyUnit::kSteps;
  double default_rating = 3.0, default_latency = 11.0;
  bool title_year = true;
  std::int64_t max_title = 200;
  double max_bad_lines = 0.001;
  std::int64_t adherence_following = 2;
  AdherencePositive adherence_positive = AdherencePositive::kNearest;
  double alpha = 0.5;          // align.alpha: the utility that picks the preferred item
  std::int64_t max_lines = 0;  // no key: of each raw file, for a first look at it; 0 = all
  ColumnOptions columns;
  SyntheticOptions synthetic;

  void declare(Keys& key) {
    key("dataset", dataset, "data set").one_of(dataset_names());
    key("path", path, "folder with the raw files as published, gzipped or not").path();
    key("interactions", interactions, "dataset = \"csv\": file of interactions in data.path, CSV or TSV with a header");
    key("items", items, "dataset = \"csv\": file of items with titles in data.path; \"\" = none");
    key("train", train, "dataset = \"rows\": JSONL file of training rows; a file for several splits is divided").path();
    key("valid", valid, "dataset = \"rows\": JSONL file of validation rows").path();
    key("test", test, "dataset = \"rows\": JSONL file of test rows").path();
    key("k_core_users", k_core_users, "users with fewer interactions are removed, repeated until stable; 0 = off")
        .between(0, kMany);
    key("k_core_items", k_core_items, "items with fewer interactions are removed likewise; 0 = off").between(0, kMany);
    key("min_history", min_history, "shortest history of a training row").unit("interactions").between(1, kMany);
    key("max_history", max_history, "most recent interactions shown in a prompt").between(1, kMany);
    key("max_train_rows", max_train_rows, "training rows drawn by the seed; 0 = all").between(0, kMany);
    key("max_eval_rows", max_eval_rows, "rows evaluated of each split; 0 = all")
        .between(0, kMany)
        .affects(changes::kEvaluation);
    key("candidates", candidates, "items to choose from in a row").between(2, 10000);
    key("window", window, "following interactions that may enter a training row's candidates").between(1, kMany);
    key("negatives", negatives, "dispreferred answers of a preference set (K), fewer than candidates")
        .between(1, kMany)
        .affects(changes::kAlign);
    key("tier", tier, "history shown: liked items only (filtered) or all (full), with ratings or without");
    key("positive", positive, "preferred item: largest rating / latency^alpha, or the next liked one");
    key("liked_rating", liked_rating, "an item is liked from this rating on").between(0, kMany);
    key("latency_unit", latency_unit, "latency of an item: following interactions of the user, or days");
    key("default_rating", default_rating, "rating of an item without feedback, in the margin").between(1e-9, kMany);
    key("default_latency", default_latency, "latency of an item without feedback, in the margin")
        .unit("latency_unit")
        .between(1e-9, kMany);
    key("title_year", title_year, "keep \"(1995)\" in titles, or add it where the year is a column of its own");
    key("max_title", max_title, "longer titles are cut there and end with \"...\"; 0 = never")
        .unit("characters")
        .between(0, kMany);
    key("max_bad_lines", max_bad_lines, "share of unreadable lines that stops the import").between(0, 1);
    key("adherence_following", adherence_following, "last interactions that may be candidates of an adherence row")
        .between(2, kMany);
    key("adherence_positive", adherence_positive, "preferred item of an adherence row, of the liked ones among them");
    key.section("data.columns", changes::kRows);
    columns.declare(key);
    key.section(kSyntheticSection, changes::kRows);
    synthetic.declare(key);
  }
};

struct PromptOptions {
  std::string templates;

  void declare(Keys& key) {
    key("templates", templates, "file of prompt templates; \"\" = the data set's own in inputs/prompts").path();
  }
};

}  // namespace recpo::data
