#pragma once
// Which elements of a parameter somebody holds, in global coordinates: a flat range of a held matrix. Whoever wants
// elements compares rectangles and needs to know nothing of how the other side cut the model. Not collective.

#include <array>
#include <cstdint>

#include "src/model/parameter_store.hpp"

namespace recpo::checkpoint {

// Elements [begin, begin + count), row-major, of a held matrix that is `columns` wide and whose first element is
// global element (row_begin, column_begin).
struct Range {
  std::int64_t row_begin = 0, column_begin = 0, columns = 1;
  std::int64_t begin = 0, count = 0;

  // Place within the range of a global element that lies in it.
  std::int64_t place(std::int64_t row, std::int64_t column) const {
    return (row - row_begin) * columns + column - column_begin - begin;
  }
  Range part(std::int64_t first, std::int64_t size) const {
    return {row_begin, column_begin, columns, begin + first, size};
  }
};

// The global elements of rows [row_begin, row_end) and columns [column_begin, column_end).
struct Rectangle {
  std::int64_t row_begin = 0, row_end = 0, column_begin = 0, column_end = 0;

  bool empty() const { return row_begin >= row_end || column_begin >= column_end; }
  std::int64_t columns() const { return column_end - column_begin; }
  std::int64_t size() const { return empty() ? 0 : (row_end - row_begin) * columns(); }
};

// A range is the end of a row, whole rows and the beginning of a row; any of the three may be empty.
std::array<Rectangle, 3> rectangles_of(const Range& range);
Rectangle intersection(const Rectangle& a, const Rectangle& b);

// The valid elements among [begin, end) of a parameter's held matrix: rows that pad the vocabulary are none.
Range valid_range(const model::Parameter& parameter, std::int64_t begin, std::int64_t end);

}  // namespace recpo::checkpoint
