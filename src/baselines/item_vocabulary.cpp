#include "src/baselines/item_vocabulary.hpp"

#include <algorithm>

#include "src/support/check.hpp"

namespace recpo::baselines {
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
