#pragma once
// The table of a shard file shard-TTTT-DDDD.h5 (written by tensor-parallel rank T, data-parallel rank D). A file holds
//   names         one parameter a line; a parameter is at most once in a file
//   pieces        int64, six numbers for each name: row_begin, column_begin, columns (of the held matrix; see Range),
//                 begin, count (the elements of it that are here), offset (of the first of them in each array)
//   weights       the elements of all pieces, one piece after the other
//   first_moment, second_moment    the same elements' moments, where the checkpoint has an optimizer
//   master        the same elements' master weights, where weights are bfloat16 and the checkpoint has an optimizer
// so that it is understood without knowledge of who wrote it. Every array has the type its elements were kept in, which
// may differ from file to file: float, double or bfloat16 (elements.hpp).

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "src/checkpoint/ranges.hpp"
#include "src/support/hdf5.hpp"

namespace recpo::checkpoint {

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
