#pragma once
// The files of a native checkpoint, for any grid of tensor-parallel x data-parallel ranks:
//   shard-TTTT-DDDD.h5   elements owned by rank (tp T, dp D) of the writing grid (shard_table.hpp)
//   deck.toml            the deck with every key
//   tokenizer.json       or tokenizer.model
//   manifest.json        the table of contents
//
// manifest.json contains its own SHA-256 (computed with zeros in place of the digits) and size and SHA-256 of every
// other file, so that any flipped bit is detected. The writer's grid is recorded to derive the shards' names.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/safetensors.hpp"

namespace recpo::checkpoint {

class ByteProgress;

inline constexpr const char* kManifestName = "manifest.json";
inline constexpr const char* kDeckName = "deck.toml";

struct FileRecord {
  std::uint64_t bytes = 0;
  std::string sha256;
};

// The writing grid: one file for each of tp x zero_shards ranks.
struct WriterGrid {
  int tp = 1, dp = 1;
  int zero_shards = 1;  // parts of the optimizer's states: dp with ZeRO, 1 without
};

struct Contents {
  Manifest manifest;  // without the deck's text, which is a file of its own
  WriterGrid grid;
  std::int64_t optimizer_steps = 0;                         // steps the moments have seen
  Dtype dtype = Dtype::kFloat32;                            // of weights; not float16
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
