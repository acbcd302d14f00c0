#include "src/train/samples.hpp"

#include <algorithm>
#include <numeric>

#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::train {
namespace {

// What the objective uses of the negatives drawn. Own rows bring their own number.
int negatives_wanted(const objective::ObjectiveOptions& objective, const data::RowFile& rows) {
  int most = 0;
  for (const data::Row* row : rows.of_split(data::Split::kTrain)) {
    most = std::max(most, static_cast<int>(row->negatives.size()));
  }
  const int used = objective::negatives_used(objective, most);
  return used < most ? used : kAllNegatives;
}

}  // namespace

std::int64_t Sample::logit_rows() const { return 1 + tokens() - static_cast<std::int64_t>(row->prompt_ids.size()); }

SampleSet training_samples(const data::RowFile& rows, int negatives, int at_least) {
  SampleSet set;
  for (const data::Row* row : rows.of_split(data::Split::kTrain)) {
    const int available = static_cast<int>(row->negatives.size());
    const int used = negatives == kAllNegatives ? available : negatives;
    if (available < std::max(used, at_least)) {
      ++set.dropped;
      continue;
    }
    Sample sample;
    sample.row = row;
    const auto add = [&](std::int32_t index) {
      const data::Candidate& candidate = row->candidates.at(static_cast<std::size_t>(index));
      const std::vector<std::int32_t>& ids = row->answer_ids.at(static_cast<std::size_t>(index));
      sample.answers.emplace_back(ids);
      sample.length.push_back(static_cast<int>(ids.size()));
      sample.rating.push_back(candidate.rating.value_or(rows.default_rating));
      sample.latency.push_back(candidate.latency.value_or(rows.default_latency));
    };
    add(row->preferred);
    for (int k = 0; k < used; ++k) add(row->negatives[static_cast<std::size_t>(k)]);
    set.samples.push_back(std::move(sample));
  }
  return set;
}

SampleSet stage_samples(StageKind stage, const objective::ObjectiveOptions& objective, const data::RowFile& rows) {
  SampleSet set = stage == StageKind::kAlign ? training_samples(rows, negatives_wanted(objective, rows), 1)
                                             : training_samples(rows, 0);
  if (set.samples.empty()) throw_input("{}: no training row has what the stage needs", name_of(stage));
  return set;
}

ValidationRows validation_rows(const data::RowFile& rows, std::int64_t count, std::uint64_t seed) {
  ValidationRows drawn = rows.of_split(data::Split::kValid);
  Random(seed, "validation rows").shuffle(drawn);
  if (count > 0 && count < static_cast<std::int64_t>(drawn.size())) drawn.resize(static_cast<std::size_t>(count));
  return drawn;
}

SampleOrder::SampleOrder(std::int64_t samples, bool shuffled, std::uint64_t seed, std::string stage)
    : samples_(samples), shuffled_(shuffled), seed_(seed), stage_(std::move(stage)) {
  RECPO_REQUIRE(samples > 0);
  permutation_.resize(static_cast<std::size_t>(samples));
}

std::size_t SampleOrder::at(std::int64_t counter) {
  const std::int64_t epoch = counter / samples_;
  if (epoch != epoch_) {
    std::iota(permutation_.begin(), permutation_.end(), std::size_t{0});
    if (shuffled_) Random(seed_, "order/" + stage_, static_cast<std::uint64_t>(epoch)).shuffle(permutation_);
    epoch_ = epoch;
  }
  return permutation_[static_cast<std::size_t>(counter % samples_)];
}

}  // namespace recpo::train
