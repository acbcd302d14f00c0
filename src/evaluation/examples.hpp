#pragma once
// Example questions for readers of a report: which rows, drawn by the seed, and their texts. Pure functions.

#include <cstdint>
#include <string>
#include <vector>

#include "src/data/rows.hpp"

namespace recpo::evaluation {

// The first `count` of these rows in an order drawn by the seed. The order is that of all rows together: leaving rows
// out moves others up and changes nothing else.
std::vector<std::int64_t> draw_examples(std::vector<std::int64_t> rows, std::uint64_t seed, std::size_t count);

// examples.jsonl: some of the rows `answered` of the test split (where there are none, of the validation split) in that
// order, one JSONL line each: {"row", "user", "history": [{"title", "rating"}], "candidates": [title ..], "chosen":
// title}.
std::string examples_jsonl(const data::RowFile& rows, const std::vector<std::int64_t>& answered, std::uint64_t seed);

}  // namespace recpo::evaluation
