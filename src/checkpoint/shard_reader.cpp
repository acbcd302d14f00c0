#include "src/checkpoint/shard_reader.hpp"

#include <algorithm>

#include "src/checkpoint/elements.hpp"
#include "src/checkpoint/pieces.hpp"
#include "src/support/check.hpp"

namespace recpo::checkpoint {

ShardReader::ShardReader(const std::filesystem::path& checkpoint)
    : checkpoint_(checkpoint), contents_(read_contents(checkpoint)) {
  std::vector<const char*> arrays = {kWeightsArray};
  if (contents_.manifest.has_optimizer) arrays.insert(arrays.end(), {kFirstMomentArray, kSecondMomentArray});
  if (has_master()) arrays.push_back(kMasterArray);
  std::vector<std::string> names;
  std::vector<std::vector<TableRow>> tables;
  for (const std::string& name : contents_.shard_names()) {
    names.push_back((checkpoint / name).string());
    files_.push_back(hdf5::File::open(checkpoint / name));
    tables.push_back(read_table(files_.back(), contents_.shapes, arrays));
  }
  check_coverage(names, tables, contents_.shapes);
  for (std::size_t file = 0; file < tables.size(); ++file)
    for (const TableRow& row : tables[file]) parts_[row.parameter].push_back({file, row.range, row.offset});
}

bool ShardReader::has_master() const { return contents_.manifest.has_optimizer && contents_.dtype == kDtype<Bfloat16>; }

std::vector<ShardReader::Summary> ShardReader::summaries() const {
  std::vector<Summary> summaries;
  for (const std::string& name : contents_.shard_names()) summaries.push_back({name});
  for (const auto& [parameter, parts] : parts_) {
    for (const Part& part : parts) {
      ++summaries[part.file].pieces;
      summaries[part.file].elements += part.range.count;
    }
  }
  return summaries;
}

template <class T>
void ShardReader::read(const char* array, const model::Parameter& parameter, const Range& wanted, std::span<T> values) {
  RECPO_REQUIRE(static_cast<std::int64_t>(values.size()) == wanted.count);
  const auto shape = contents_.shapes.find(parameter.name);
  if (shape == contents_.shapes.end() || shape->second != parameter.shape)
    throw_input("{}: {} has another shape than this model's, [{}]", (checkpoint_ / kManifestName).string(),
                parameter.name, fmt::join(parameter.shape, ", "));
  for (const Part& part : parts_.at(parameter.name)) {
    for (const Rectangle& there : rectangles_of(part.range)) {
      for (const Rectangle& here : rectangles_of(wanted)) {
        const Rectangle common = intersection(there, here);
        if (common.empty()) continue;
        const hdf5::File& file = files_[part.file];
        if (file.holds<float>(array)) {
          copy<float>(array, part, common, wanted, values);
        } else if (file.holds<ArrayElement<Bfloat16>>(array)) {
          copy<Bfloat16>(array, part, common, wanted, values);
        } else {
          copy<double>(array, part, common, wanted, values);
        }
      }
    }
  }
}

// Some rows at a time: from the first wanted element of the first to the last of the last, in one read.
template <class Stored, class T>
void ShardReader::copy(const char* array, const Part& part, const Rectangle& common, const Range& wanted,
                       std::span<T> values) {
  const std::int64_t rows_at_once = std::max<std::int64_t>(1, kPieceElements / part.range.columns);
  std::vector<Stored> stored;
  for (std::int64_t row = common.row_begin; row < common.row_end; row += rows_at_once) {
    const std::int64_t row_end = std::min(row + rows_at_once, common.row_end);
    const std::int64_t begin = part.range.place(row, common.column_begin);
    const std::int64_t end = part.range.place(row_end - 1, common.column_end - 1) + 1;
    stored.resize(static_cast<std::size_t>(end - begin));
    read_elements<Stored>(files_[part.file], array, part.offset + begin, stored);
    num_read_ += end - begin;
    for (std::int64_t r = row; r < row_end; ++r) {
      const Stored* source = stored.data() + part.range.place(r, common.column_begin) - begin;
      T* target = values.data() + wanted.place(r, common.column_begin);
      std::transform(source, source + common.columns(), target, [](Stored value) { return static_cast<T>(value); });
    }
  }
}

template void ShardReader::read<float>(const char*, const model::Parameter&, const Range&, std::span<float>);
template void ShardReader::read<double>(const char*, const model::Parameter&, const Range&, std::span<double>);
template void ShardReader::read<Bfloat16>(const char*, const model::Parameter&, const Range&, std::span<Bfloat16>);

}  // namespace recpo::checkpoint
