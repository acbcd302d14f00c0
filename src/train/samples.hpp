#pragma once
// Training samples: rows, answers of each, and their order; and the rows of validation. A sample refers to the rows it
// was made from.

#include <span>
#include <vector>

#include "src/data/rows.hpp"
#include "src/data/tree_batch.hpp"
#include "src/objective/objective.hpp"
#include "src/train/options.hpp"

namespace recpo::train {

struct Sample {
  const data::Row* row = nullptr;
  std::vector<std::span<const std::int32_t>> answers;  // [1 + K] tokens, preferred first
  std::vector<double> rating, latency;                 // [1 + K], defaults filled in
  std::vector<int> length;                             // [1 + K] tokens

  std::int64_t tokens() const { return data::tree_tokens(row->prompt_ids, answers); }
  std::int64_t logit_rows() const;  // the prompt's last one, and one for each token that a branch holds
};

// One sample a training row, with the first `negatives` of its drawn negatives (kAllNegatives: all, at least
// `at_least`). Rows with fewer are left out; dropped counts them.
inline constexpr int kAllNegatives = -1;
struct SampleSet {
  std::vector<Sample> samples;
  std::int64_t dropped = 0;
};
SampleSet training_samples(const data::RowFile& rows, int negatives, int at_least = 0);

// What a stage trains on: of sft each row's preferred answer; of align its preference sets, with as many of the drawn
// negatives as the objective uses. Throws kBadInput when no row has what the stage needs.
SampleSet stage_samples(StageKind stage, const objective::ObjectiveOptions& objective, const data::RowFile& rows);

// The first `count` (0: all) of the validation rows in an order drawn by the seed.
using ValidationRows = std::vector<const data::Row*>;
ValidationRows validation_rows(const data::RowFile& rows, std::int64_t count, std::uint64_t seed);

// The endless sequence of samples as a pure function of (seed, stage, counter): epoch e = counter / n is the whole set
// in an order of its own (shuffled) or in file order.
class SampleOrder {
 public:
  SampleOrder(std::int64_t samples, bool shuffled, std::uint64_t seed, std::string stage);
  std::size_t at(std::int64_t counter);

 private:
  std::int64_t samples_;
  bool shuffled_;
  std::uint64_t seed_;
  std::string stage_;
  std::int64_t epoch_ = -1;
  std::vector<std::size_t> permutation_;
};

}  // namespace recpo::train
