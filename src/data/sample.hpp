#pragma once
// A first look at a data set: what the first lines of its files hold, read as an import reads them.

#include <cstdint>
#include <vector>

#include "src/data/options.hpp"
#include "src/data/ratings.hpp"

namespace recpo::data {

// Ratings as the lines show them, and from which of them on an item is liked: the top quarter of the scale, 4 of 1 to 5
// and 8 of 1 to 10; of ratings that are counts, beyond 100, the most frequent listeners' quarter.
struct RatingScale {
  double low = 0, high = 0, liked = 0;
  double middle() const { return (low + high) / 2; }  // for items without a rating
};
RatingScale scale_of(std::vector<double> ratings);  // at least one

struct Sample {
  bool is_complete = false;  // the files hold no other lines
  std::int64_t bytes = 0;    // of the files, compressed or not
  Counts counts;             // of interactions; rows count as such, prompts as users
  std::int64_t titled_items = 0;
  RatingScale scale;             // of interactions
  std::int64_t longest_row = 0;  // of ready rows: prompt and answer in bytes
  std::vector<std::string> bad_lines;
};

// Of `max_lines` lines a file. Throws as an import does, and kBadInput where the lines hold nothing.
Sample take_sample(DataOptions options, std::int64_t max_lines);

}  // namespace recpo::data
