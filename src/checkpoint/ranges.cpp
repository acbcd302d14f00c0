#include "src/checkpoint/ranges.hpp"

#include <algorithm>

namespace recpo::checkpoint {

std::array<Rectangle, 3> rectangles_of(const Range& range) {
  const std::int64_t width = range.columns, end = range.begin + range.count;
  const std::int64_t first_row = range.begin / width,
                     last_row = end / width;  // the row of the first, of one past the last
  const auto rectangle = [&](std::int64_t row, std::int64_t row_end, std::int64_t column, std::int64_t column_end) {
    return Rectangle{range.row_begin + row, range.row_begin + row_end, range.column_begin + column,
                     range.column_begin + column_end};
  };
  const std::int64_t first_column = range.begin % width, last_column = end % width;
  if (first_row == last_row) return {rectangle(first_row, first_row + 1, first_column, last_column), {}, {}};
  return {first_column == 0 ? Rectangle{} : rectangle(first_row, first_row + 1, first_column, width),
          rectangle(first_column == 0 ? first_row : first_row + 1, last_row, 0, width),
          rectangle(last_row, last_row + 1, 0, last_column)};
}

Rectangle intersection(const Rectangle& a, const Rectangle& b) {
  return {std::max(a.row_begin, b.row_begin), std::min(a.row_end, b.row_end), std::max(a.column_begin, b.column_begin),
          std::min(a.column_end, b.column_end)};
}

Range valid_range(const model::Parameter& parameter, std::int64_t begin, std::int64_t end) {
  const std::int64_t valid_end = std::min(end, parameter.valid_rows * parameter.columns());
  return {parameter.row_begin, parameter.column_begin, parameter.columns(), begin,
          std::max<std::int64_t>(0, valid_end - begin)};
}

}  // namespace recpo::checkpoint
