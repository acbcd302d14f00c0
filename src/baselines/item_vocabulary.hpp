#pragma once
// Items of a rows file as numbers, for the rows of embedding tables: those of histories and candidates of all splits,
// in order of appearance, the training rows' first. So the items [0, num_training) are those that training may see;
// the others keep the weights they began with. Throws kBadInput where an item has no identifier (ready rows).

#include <string>
#include <unordered_map>
#include <vector>

#include "src/data/rows.hpp"

namespace recpo::baselines {

// A place in a sequence without an item: a row of zeros.
inline constexpr int kNoItem = -1;

// A row as numbers: what a sequential recommender sees of it.
struct Sequence {
  std::vector<int> history;     // what the prompt shows, oldest first; one kNoItem where it shows nothing
  std::vector<int> candidates;  // in the row's order
  int preferred = 0;            // index of candidates

  int target() const { return candidates[static_cast<std::size_t>(preferred)]; }
};

class ItemVocabulary {
 public:
  explicit ItemVocabulary(const data::RowFile& rows);

  int size() const { return static_cast<int>(numbers_.size()); }
  int num_training() const { return num_training_; }
  int longest_history() const { return longest_history_; }  // of all rows, at least 1

  // A row of the same file.
  Sequence sequence(const data::Row& row) const;

 private:
  void add(const data::Row& row);

  std::unordered_map<std::string, int> numbers_;
  int num_training_ = 0, longest_history_ = 1;
};

}  // namespace recpo::baselines
