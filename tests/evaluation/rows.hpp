#pragma once
// Small rows made up for tests.

#include <fmt/format.h>

#include "src/data/rows.hpp"

namespace recpo::evaluation {

// `count` rows of `split` with 4 candidates "title 0".."title 3"; the preferred one is row id % 4. Tokens: a prompt of
// 3 + id % 5, answers of 2 to 5.
inline void append_rows(data::RowFile& file, data::Split split, int count) {
  for (int i = 0; i < count; ++i) {
    data::Row row;
    row.id = static_cast<std::int64_t>(file.rows.size());
    row.split = split;
    row.user = fmt::format("user {}", row.id);
    row.preferred = static_cast<std::int32_t>(row.id % 4);
    row.history_length = 5 + i;
    for (int c = 0; c < 4; ++c) {
      row.candidates.push_back({fmt::format("item {}", c), fmt::format("title {}", c), {}, {}});
      row.answer_ids.emplace_back(2 + c, 10 + c);
    }
    row.prompt_ids.assign(static_cast<std::size_t>(3 + row.id % 5), 7);
    file.rows.push_back(std::move(row));
  }
}

}  // namespace recpo::evaluation
