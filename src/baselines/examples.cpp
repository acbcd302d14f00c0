#include "src/baselines/examples.hpp"

#include <algorithm>
#include <numeric>

#include "src/support/check.hpp"
#include "src/support/random.hpp"

namespace recpo::baselines {

Examples::Examples(const data::RowFile& rows, const ItemVocabulary& vocabulary, std::uint64_t seed)
    : seed_(seed), num_items_(vocabulary.num_training()) {
  for (const data::Row* row : rows.of_split(data::Split::kTrain)) sequences_.push_back(vocabulary.sequence(*row));
  if (sequences_.empty()) throw_input("the rows hold no training row");
  if (num_items_ < 2) throw_input("the training rows know one item only: there is nothing to tell it from");
}

std::vector<Example> Examples::batch(std::int64_t epoch, std::int64_t begin, std::int64_t end) {
  if (order_epoch_ != epoch) {
    order_.resize(sequences_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    Random(seed_, "baseline order", static_cast<std::uint64_t>(epoch)).shuffle(order_);
    order_epoch_ = epoch;
  }
  std::vector<Example> batch;
  for (std::int64_t place = begin; place < end; ++place) batch.push_back(example(epoch, place));
  return batch;
}

Example Examples::example(std::int64_t epoch, std::int64_t place) const {
  Example example;
  example.sequence = &sequences_[order_[static_cast<std::size_t>(place)]];
  Random random(seed_, "baseline examples", static_cast<std::uint64_t>(epoch * size() + place));
  const int answer = example.sequence->target();
  // Uniform over the items but one: the last one stands in for the answer.
  example.negative = static_cast<int>(random.below(static_cast<std::uint64_t>(num_items_ - 1)));
  if (example.negative == answer) example.negative = num_items_ - 1;
  for (std::size_t i = 0; i < example.sequence->history.size(); ++i)
    example.keys.push_back(static_cast<int>(random.next() >> 33));
  return example;
}

namespace {
template <class Visit>
void for_each_item(const data::Row& row, const Visit& visit) {
  for (const data::HistoryItem& item : row.history) visit(item.item);
  for (const data::Candidate& candidate : row.candidates) visit(candidate.item);
}
}  // namespace

ItemVocabulary::ItemVocabulary(const data::RowFile& rows) {
  for (const data::Row* row : rows.of_split(data::Split::kTrain)) add(*row);
  num_training_ = size();
  for (const data::Row& row : rows.rows) add(row);
}

void ItemVocabulary::add(const data::Row& row) {
  for_each_item(row, [&](const std::string& item) {
    if (item.empty())
      throw_input("row {}: an item without an identifier; baselines need rows made from a rating log", row.id);
    numbers_.emplace(item, size());
  });
  longest_history_ = std::max(longest_history_, static_cast<int>(row.history.size()));
}

Sequence ItemVocabulary::sequence(const data::Row& row) const {
  Sequence sequence;
  for (const data::HistoryItem& item : row.history) sequence.history.push_back(numbers_.at(item.item));
  if (sequence.history.empty()) sequence.history.push_back(kNoItem);
  for (const data::Candidate& candidate : row.candidates) sequence.candidates.push_back(numbers_.at(candidate.item));
  sequence.preferred = row.preferred;
  return sequence;
}

}  // namespace recpo::baselines
