#pragma once
// Small rows made up for tests: users walk through items in a circle, so that the answer follows from the last item.

#include <fmt/format.h>

#include "src/data/rows.hpp"
#include "src/support/random.hpp"

namespace recpo::baselines {

inline constexpr int kCircle = 12;  // items

inline data::Row circle_row(std::int64_t id, data::Split split) {
  Random random(9, "circle", static_cast<std::uint64_t>(id));
  const auto name = [](std::int64_t item) { return fmt::format("item {}", item % kCircle); };
  const auto begin = static_cast<std::int64_t>(random.below(kCircle)),
             length = 2 + static_cast<std::int64_t>(random.below(4));
  data::Row row;
  row.id = id;
  row.split = split;
  row.user = fmt::format("user {}", id);
  for (std::int64_t i = 0; i < length; ++i) row.history.push_back({name(begin + i), name(begin + i), 5, i});
  row.history_length = static_cast<std::int32_t>(length);
  row.preferred = static_cast<std::int32_t>(random.below(4));
  for (std::int64_t c = 0; c < 4; ++c) {
    const std::int64_t item = c == row.preferred ? begin + length : begin + length + 1 + c;
    row.candidates.push_back({name(item), name(item), {}, {}});
    row.answer_ids.emplace_back(2, 10);
  }
  row.prompt_ids = {7, 7, 7};
  return row;
}

inline data::RowFile circle_rows(int training, int validation, int test) {
  data::RowFile file;
  const auto append = [&](data::Split split, int count) {
    for (int i = 0; i < count; ++i) file.rows.push_back(circle_row(static_cast<std::int64_t>(file.rows.size()), split));
  };
  append(data::Split::kTrain, training);
  append(data::Split::kValid, validation);
  append(data::Split::kTest, test);
  file.hash = "circle";
  return file;
}

}  // namespace recpo::baselines
