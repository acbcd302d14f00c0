#pragma once
// What a deck says about data and prompts: sections [data], [synthetic] and [prompt]. Defaults are the reference
// deck's.

#include <cstdint>
#include <string>

namespace recpo::data {

// The made-up world of dataset = "synthetic"; its rules stand in src/data/synthetic/world.hpp.
struct SyntheticOptions {
  std::uint64_t seed = 1;  // of the world and its users: run.seed changes neither
  std::int64_t users = 4000;
  std::int64_t types = 8;                   // of users: who has the same taste
  std::int64_t genres = 10, titles = 6;     // titles of every genre
  std::int64_t shortest = 8, longest = 14;  // interactions of a user
  double eagerness = 1.0;                   // how much sooner a liked title is taken
  double rating_noise = 0.2;                // share of ratings that say nothing
};

struct DataOptions {
  std::string dataset = "ml-100k";
  std::string path = "data/ml-100k";  // absolute once the deck is read
  std::string train, valid, test;     // dataset = "rows"
  std::int64_t k_core_users = 5, k_core_items = 5;
  std::int64_t min_history = 5, max_history = 20;
  std::int64_t max_train_rows = 10000;  // 0 = all; files of ready rows are always taken whole
  std::int64_t max_eval_rows = 0;       // 0 = all; limits evaluation, the rows of every split are always written
  std::int64_t candidates = 20, window = 10, negatives = 3;
  std::string tier = "full+rating";
  std::string positive = "best-utility";
  double liked_rating = 4;
  std::string latency_unit = "steps";
  double default_rating = 3.0, default_latency = 11.0;
  bool title_year = true;
  std::int64_t max_title = 200;  // characters; longer titles are cut. 0 = never
  double max_bad_lines = 0.001;
  double alpha = 0.5;  // [align] alpha: the latency exponent of the utility that picks the preferred item
  // Adherence rows: how many of the last interactions may be candidates (2: the second-last and the last), and which
  // of the liked ones is correct.
  std::int64_t adherence_following = 2;
  std::string adherence_positive = "nearest";  // nearest | best-utility
  SyntheticOptions synthetic;
};

struct PromptOptions {
  std::string templates;  // a file; "" = the data set's own in inputs/prompts
};

}  // namespace recpo::data
