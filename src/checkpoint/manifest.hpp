#pragma once
// The files of a native checkpoint, for any grid of tensor-parallel x data-parallel ranks:
//   shard-TTTT-DDDD.h5   what the rank at (T, D) of the grid that wrote it owned (shard_table.hpp); read by any other
//   grid deck.toml            the deck with every key tokenizer.json       or tokenizer.model manifest.json        the
//   table of contents
// The manifest's text holds its own SHA-256 (taken with zeros in the place of the digits), so that a flipped bit
// anywhere in it is seen; it holds sizes and hashes of the other files, so that the same is true of them. It tells of
// the writer's grid only for people and to know the shards' names.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.hpp"

namespace recpo::checkpoint {

class ByteProgress;

inline constexpr const char* kManifestName = "manifest.json";
inline constexpr const char* kDeckName = "deck.toml";

struct FileRecord {
  std::uint64_t bytes = 0;
  std::string sha256;
};

// Who wrote it: a file for each of tp x zero_shards ranks.
struct WriterGrid {
  int tp = 1, dp = 1;
  int zero_shards = 1;  // parts of the optimizer's states: dp with ZeRO, 1 without
};

struct Contents {
  Manifest manifest;  // without the deck's text, which is a file of its own
  WriterGrid grid;
  std::int64_t optimizer_steps = 0;                         // steps the moments have seen
  std::string dtype;                                        // of weights: float32 | float64 | bfloat16
  std::string tokenizer_name;                               // tokenizer.json | tokenizer.model
  std::map<std::string, std::vector<std::int64_t>> shapes;  // of the parameters, by name
  std::map<std::string, FileRecord> files;                  // every file but the manifest, by name

  std::vector<std::string> shard_names() const;
};

std::string format_contents(const Contents& contents);
Contents parse_contents(const std::string& text, const std::string& source);  // kBadInput
Contents read_contents(const std::filesystem::path& checkpoint);              // kBadInput

// One file of a checkpoint against its record; throws kBadInput.
void check_size(const std::filesystem::path& checkpoint, const std::string& name, const FileRecord& record);
void check_hash(const std::filesystem::path& checkpoint, const std::string& name, const FileRecord& record,
                ByteProgress& progress);
// A small file, checked.
std::string read_checked(const std::filesystem::path& checkpoint, const Contents& contents, const std::string& name);

}  // namespace recpo::checkpoint
