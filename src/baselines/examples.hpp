#pragma once
// Items and rows as numbers, and the training rows as examples.

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

// Items of a rows file as rows of embedding tables: those of histories and candidates of all splits, in order of
// appearance, the training rows' first. So the items [0, num_training) are those that training may see; the others keep
// their initial weights. Throws kBadInput where an item has no identifier (ready rows).
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

struct Example {
  const Sequence* sequence = nullptr;
  int negative = 0;
  std::vector<int> keys;  // of dropout, one a history item
};

// The training rows, batch by batch: every draw is a function of (seed, epoch, place in the epoch).
class Examples {
 public:
  // Throws kBadInput without training rows, or when they know a single item.
  Examples(const data::RowFile& rows, const ItemVocabulary& vocabulary, std::uint64_t seed);

  std::int64_t size() const { return static_cast<std::int64_t>(sequences_.size()); }
  // Places [begin, end) of the epoch's order.
  std::vector<Example> batch(std::int64_t epoch, std::int64_t begin, std::int64_t end);

 private:
  Example example(std::int64_t epoch, std::int64_t place) const;

  std::uint64_t seed_;
  int num_items_;  // from which negatives are drawn
  std::vector<Sequence> sequences_;
  std::vector<std::size_t> order_;
  std::int64_t order_epoch_ = -1;
};

}  // namespace recpo::baselines
