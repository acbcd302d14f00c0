#include "src/checkpoint/shard_table.hpp"

#include <algorithm>
#include <set>
#include <sstream>

#include "src/support/check.hpp"

namespace recpo::checkpoint {
namespace {
constexpr const char* kNamesArray = "names";
constexpr const char* kPiecesArray = "pieces";
constexpr std::size_t kNumbers = 6;

struct Extent {
  std::int64_t rows = 1, columns = 1;
  std::int64_t size() const { return rows * columns; }
};
Extent extent_of(const std::vector<std::int64_t>& shape) {
  return {shape.size() == 2 ? shape.front() : 1, shape.back()};
}

// Hostile numbers: nothing is added or multiplied before it is known to fit.
bool lies_inside(const Range& range, const Extent& whole) {
  if (range.columns < 1 || range.columns > whole.columns) return false;
  if (range.column_begin < 0 || range.column_begin > whole.columns - range.columns) return false;
  if (range.row_begin < 0 || range.row_begin > whole.rows) return false;
  const std::int64_t most = (whole.rows - range.row_begin) * range.columns;
  return range.begin >= 0 && range.begin <= most && range.count >= 1 && range.count <= most - range.begin;
}

struct Held {
  Rectangle rectangle;
  std::size_t file = 0;
};

void check_parameter(const std::string& name, const Extent& whole, std::vector<Held> held,
                     const std::vector<std::string>& files) {
  std::ranges::sort(held, {}, [](const Held& part) { return part.rectangle.row_begin; });
  std::int64_t covered = 0;
  for (std::size_t i = 0; i < held.size(); ++i) {
    covered += held[i].rectangle.size();
    for (std::size_t j = i + 1; j < held.size() && held[j].rectangle.row_begin < held[i].rectangle.row_end; ++j)
      if (!intersection(held[i].rectangle, held[j].rectangle).empty())
        throw_input("{} and {} both hold the same elements of {}", files[held[i].file], files[held[j].file], name);
  }
  if (covered != whole.size())
    throw_input("{} and the checkpoint's other shards hold {} of the {} elements of {}", files.front(), covered,
                whole.size(), name);
}
}  // namespace

std::string shard_name(int tp_rank, int dp_rank) { return fmt::format("shard-{:04}-{:04}.h5", tp_rank, dp_rank); }

void write_table(hdf5::File& file, const std::vector<TableRow>& rows) {
  std::string names;
  std::vector<std::int64_t> numbers;
  for (const auto& [name, range, offset] : rows) {
    names += name + "\n";
    numbers.insert(numbers.end(),
                   {range.row_begin, range.column_begin, range.columns, range.begin, range.count, offset});
  }
  file.write_text(kNamesArray, names);
  file.write<std::int64_t>(kPiecesArray, numbers);
}

std::vector<TableRow> read_table(const hdf5::File& file, const Shapes& shapes, const std::vector<const char*>& arrays) {
  const std::string source = file.path().string();
  const std::vector<std::int64_t> numbers = file.read<std::int64_t>(kPiecesArray);
  std::istringstream names(file.read_text(kNamesArray));
  std::vector<TableRow> rows;
  std::set<std::string> seen;
  std::int64_t end = 0;
  for (std::string name; std::getline(names, name);) {
    const auto shape = shapes.find(name);
    if (shape == shapes.end()) throw_input("{}: holds a part of {}, which the manifest does not list", source, name);
    if (!seen.insert(name).second) throw_input("{}: lists {} twice", source, name);
    if (numbers.size() < kNumbers * seen.size()) throw_input("{}: {} has a name but no numbers", source, name);
    const std::int64_t* row = numbers.data() + kNumbers * rows.size();
    rows.push_back({name, {row[0], row[1], row[2], row[3], row[4]}, row[5]});
    if (!lies_inside(rows.back().range, extent_of(shape->second)))
      throw_input("{}: the part of {} does not lie inside [{}]", source, name, fmt::join(shape->second, ", "));
    if (rows.back().offset != end)
      throw_input("{}: {} begins at element {} of the arrays, not at {}", source, name, rows.back().offset, end);
    end += rows.back().range.count;
    if (end > INT64_MAX / 2) throw_input("{}: more elements than a file can hold", source);
  }
  if (numbers.size() != kNumbers * rows.size())
    throw_input("{}: {} names and {} numbers, {} for each are wanted", source, rows.size(), numbers.size(), kNumbers);
  for (const char* array : arrays) {
    if (file.size(array) != end)
      throw_input("{}: {} has {} elements, the table {}", source, array, file.size(array), end);
  }
  return rows;
}

void check_coverage(const std::vector<std::string>& files, const std::vector<std::vector<TableRow>>& tables,
                    const Shapes& shapes) {
  std::map<std::string, std::vector<Held>> held;
  for (std::size_t file = 0; file < tables.size(); ++file) {
    for (const TableRow& row : tables[file]) {
      for (const Rectangle& rectangle : rectangles_of(row.range))
        if (!rectangle.empty()) held[row.parameter].push_back({rectangle, file});
    }
  }
  for (const auto& [name, shape] : shapes) check_parameter(name, extent_of(shape), held[name], files);
}

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
