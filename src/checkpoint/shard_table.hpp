#pragma once
// The table of a shard file shard-TTTT-DDDD.h5 (written by tensor-parallel rank T, data-parallel rank D). A file holds
//   names         one parameter a line; a parameter is at most once in a file
//   pieces        int64, six numbers for each name: row_begin, column_begin, columns (of the held matrix; see Range),
//                 begin, count (the elements of it that are here), offset (of the first of them in each array)
//   weights       the elements of all pieces, one piece after the other
//   first_moment, second_moment    the same elements' moments, where the checkpoint has an optimizer
//   master        the same elements' master weights, where weights are bfloat16 and the checkpoint has an optimizer
// so that it can be read without knowing the writing grid. Arrays have the dtype of the writer's storage, which may
// differ between files: float, double or bfloat16 (as uint16).

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "src/model/parameter_store.hpp"
#include "src/support/hdf5.hpp"

namespace recpo::checkpoint {
// Which elements of a parameter a rank holds, in global coordinates: a flat range of its local matrix. Readers
// intersect rectangles, independent of the writer's grid.

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

// A range is the tail of a row, complete rows, and the head of a row; any of the three may be empty.
std::array<Rectangle, 3> rectangles_of(const Range& range);
Rectangle intersection(const Rectangle& a, const Rectangle& b);

// The valid elements among [begin, end) of a parameter's held matrix: vocabulary padding rows are not.
Range valid_range(const model::Parameter& parameter, std::int64_t begin, std::int64_t end);

inline constexpr const char* kWeightsArray = "weights";
inline constexpr const char* kFirstMomentArray = "first_moment";
inline constexpr const char* kSecondMomentArray = "second_moment";
inline constexpr const char* kMasterArray = "master";

std::string shard_name(int tp_rank, int dp_rank);

struct TableRow {
  std::string parameter;
  Range range;
  std::int64_t offset = 0;
};

using Shapes = std::map<std::string, std::vector<std::int64_t>>;  // of parameters, by name

void write_table(hdf5::File& file, const std::vector<TableRow>& rows);

// Throws kBadInput naming the file when a row does not lie inside its parameter, or the rows do not tile each of
// `arrays`.
std::vector<TableRow> read_table(const hdf5::File& file, const Shapes& shapes, const std::vector<const char*>& arrays);

// Throws kBadInput, naming the files, unless the tables (tables[i] is of files[i]) hold every element of every
// parameter exactly once.
void check_coverage(const std::vector<std::string>& files, const std::vector<std::vector<TableRow>>& tables,
                    const Shapes& shapes);

}  // namespace recpo::checkpoint
