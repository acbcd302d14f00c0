#pragma once
// Reads any range of any parameter from a checkpoint's shard files, independent of the writing grid. Files stay open
// for the object's lifetime; tables are validated on construction, elements read on request in bounded pieces. Only
// rows that contain wanted elements are read: no excess when writer and reader shard alike, at most `tp` times when
// they split columns differently. Throws kBadInput naming the file. Not collective.

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/hashing.hpp"
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

// Writes one rank's shard file; save_checkpoint() coordinates the ranks. With ZeRO every data-parallel rank writes its
// slice, without it the first data-parallel rank of each tensor-parallel rank. Replicated parameters (norms) are
// written by tensor-parallel rank 0; vocabulary padding rows are not written. Not collective. Throws kCannotWrite.

struct GridPlace {
  int tp_rank = 0, tp_size = 1, dp_rank = 0, dp_size = 1;
};

// Sent from a shard's writer to the manifest's writer.
struct ShardRecord {
  std::string name;
  FileRecord file;
  Fingerprint weights;

  std::string text() const;  // one line
  static ShardRecord parse(const std::string& line);
};

// This rank's shard file, fsynced and hashed; nullopt if the rank owns nothing.
template <class T>
std::optional<ShardRecord> write_shard(const std::filesystem::path& folder, const GridPlace& place,
                                       const model::ParameterStore<T>& store, const optim::AdamW<T>* optimizer);

// Writes tokenizer, deck, auxiliary files and manifest next to the shards; returns the manifest's text.
template <class T>
std::string write_manifest(const std::filesystem::path& folder, const GridPlace& place, const Progress& progress,
                           const model::LlamaConfig& config, const model::ParameterStore<T>& store,
                           const optim::AdamW<T>* optimizer, const text::Tokenizer& tokenizer,
                           const std::vector<ShardRecord>& shards, const AuxiliaryFiles& auxiliary = {});

}  // namespace recpo::checkpoint
