#pragma once
// Ratings for a log that has none: how long somebody played a game beside its other players (PROTOCOL section 3). Both
// steps work in place on a whole log, with 4 bytes more for each interaction.

#include <cstdint>
#include <vector>

#include "src/data/ratings.hpp"

namespace recpo::data {

// Of several interactions of one user with one item only the last in the log stays, where it is. Returns how many went.
std::int64_t keep_last_of_pairs(std::vector<Interaction>& log);

// Ratings are hours when it is called, any negative number for unknown ones, and quintiles within the item afterwards:
//
//   rating = level = 1 + floor(5 x (interactions with the item that have fewer hours) / (interactions with the item))
//
// So 5 means that at least four fifths of the players played less, players with the same hours get the same rating
// whatever their order, and unknown hours, which rank below all others, get 1.
void rate_by_play_time(std::vector<Interaction>& log);

}  // namespace recpo::data
