#pragma once
// The training rows as examples, batch by batch: every draw a function of (seed, epoch, place in the epoch).

#include <vector>

#include "src/baselines/training_step.hpp"

namespace recpo::baselines {

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
