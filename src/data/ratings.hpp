#pragma once
// A rating log in memory, the same for every data set: users, items with cleaned titles, interactions in file order.
// Users and items are numbered in the order in which they appear.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace recpo::data {

struct Interaction {
  std::int32_t user = 0, item = 0;
  double rating = 0;      // as given: what prompts show
  double level = 0;       // on the scale that decides what is liked and how much (Beer rounds half steps)
  std::int64_t time = 0;  // seconds
};

struct Item {
  std::string id;
  std::string title;          // cleaned; "" when the item has none
  std::int32_t title_id = 0;  // equal titles share it
};

struct Ratings {
  std::vector<std::string> users;
  std::vector<Item> items;
  std::vector<Interaction> interactions;
  std::int32_t num_titles = 0;
  std::int64_t titles_cut = 0;  // of items, to max_title characters
};

// Filled by a data set's importer: items first, then interactions. An interaction may name an item that was not added:
// it becomes an item without title.
class RatingsBuilder {
 public:
  RatingsBuilder(bool title_year, std::int64_t max_title) : title_year_(title_year), max_title_(max_title) {}
  // Throws BadLine when the item is there already. The title is cleaned here.
  void add_item(std::string_view id, std::string_view raw_title, std::string_view year = "");
  bool has_item(std::string_view id) const { return items_.contains(id); }
  // `level` where it is not the rating itself.
  void add_interaction(std::string_view user, std::string_view item, double rating, std::int64_t time) {
    add_interaction(user, item, rating, time, rating);
  }
  void add_interaction(std::string_view user, std::string_view item, double rating, std::int64_t time, double level);
  // For a data set whose ratings follow from the complete log.
  std::vector<Interaction>& interactions() { return ratings_.interactions; }
  Ratings finish() { return std::move(ratings_); }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Numbers = std::unordered_map<std::string, std::int32_t, Hash, std::equal_to<>>;
  std::int32_t user_number(std::string_view id);
  std::int32_t new_item(std::string_view id, std::string title);
  bool title_year_;
  std::int64_t max_title_;
  Ratings ratings_;
  Numbers users_, items_, titles_;
};

struct Counts {
  std::int64_t users = 0, items = 0, interactions = 0;
};
Counts count(const Ratings& ratings);  // users and items that interactions name

// Takes out interactions with items that have no title; returns how many such items there were.
std::int64_t drop_untitled(Ratings& ratings);

// Takes out users with fewer than `users` and items with fewer than `items` interactions until none is left (0 = no
// limit); returns the number of passes that took something out.
std::int64_t filter_k_core(Ratings& ratings, std::int64_t users, std::int64_t items);

// Implicit ratings from play time: quintile of a user's hours among all players of the game (5 = top 20 %). Both steps
// work in place on the complete log and need 4 extra bytes an interaction.

// Keeps only the last interaction of each user-item pair, at its place in the log. Returns the number removed.
std::int64_t keep_last_of_pairs(std::vector<Interaction>& log);

// Ratings are hours when it is called, any negative number for unknown ones, and quintiles within the item afterwards:
//
//   rating = level = 1 + floor(5 x (interactions with the item that have fewer hours) / (interactions with the item))
//
// So 5 means that at least four fifths of the players played less, players with the same hours get the same rating
// independent of their order, and unknown hours, which rank lowest, get 1.
void rate_by_play_time(std::vector<Interaction>& log);

}  // namespace recpo::data
