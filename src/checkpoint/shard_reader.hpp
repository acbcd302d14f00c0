#pragma once
// The shard files of a checkpoint as one model: any range of any parameter, whoever wrote which part of it. The files
// stay open as long as the object lives; their tables are read and checked when it is made, elements when asked for, a
// bounded piece at a time. Only files that hold wanted elements are read, of these only rows with wanted elements: as
// much as is wanted where writer and reader cut the model alike, `tp` times as much at most where they cut columns
// differently. Throws kBadInput naming the file. Not collective.

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "src/checkpoint/manifest.hpp"
#include "src/checkpoint/shard_table.hpp"

namespace recpo::checkpoint {

class ShardReader {
 public:
  explicit ShardReader(const std::filesystem::path& checkpoint);

  const Contents& contents() const { return contents_; }
  bool has_master() const;

  // Elements `wanted` of a parameter in one of the arrays, in the order of the range. Stored as another type than T,
  // they are converted.
  template <class T>
  void read(const char* array, const model::Parameter& parameter, const Range& wanted, std::span<T> values);

  struct Summary {
    std::string name;  // of a shard file
    std::int64_t pieces = 0, elements = 0;
  };
  std::vector<Summary> summaries() const;
  std::int64_t elements_read() const { return num_read_; }  // from files so far, unwanted ones included

 private:
  struct Part {
    std::size_t file = 0;
    Range range;
    std::int64_t offset = 0;
  };
  template <class Stored, class T>
  void copy(const char* array, const Part& part, const Rectangle& common, const Range& wanted, std::span<T> values);

  std::filesystem::path checkpoint_;
  Contents contents_;
  std::vector<hdf5::File> files_;
  std::map<std::string, std::vector<Part>> parts_;  // by parameter
  std::int64_t num_read_ = 0;
};

}  // namespace recpo::checkpoint
