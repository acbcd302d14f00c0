#pragma once
// A checkpoint's files, each written by one rank; save_checkpoint() puts the ranks together. Every rank that owns
// values nobody else writes has a shard file: with ZeRO each data-parallel rank, without it the first one of each
// tensor-parallel rank. What all tensor-parallel ranks hold alike (norms) is written by the first of them; rows that
// pad the vocabulary by nobody. Not collective. Throws kCannotWrite.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.hpp"
#include "src/checkpoint/fingerprint.hpp"
#include "src/checkpoint/manifest.hpp"

namespace recpo::checkpoint {

struct GridPlace {
  int tp_rank = 0, tp_size = 1, dp_rank = 0, dp_size = 1;
};

// What the writer of the manifest learns from the writer of a shard.
struct ShardRecord {
  std::string name;
  FileRecord file;
  Fingerprint weights;

  std::string text() const;  // one line
  static ShardRecord parse(const std::string& line);
};

// This rank's shard file, on the disk and hashed; nothing where the rank owns none.
template <class T>
std::optional<ShardRecord> write_shard(const std::filesystem::path& folder, const GridPlace& place,
                                       const model::ParameterStore<T>& store, const optim::AdamW<T>* optimizer);

// Tokenizer, deck, companions and manifest beside the shards; returns the manifest's text.
template <class T>
std::string write_manifest(const std::filesystem::path& folder, const GridPlace& place, const Progress& progress,
                           const model::LlamaConfig& config, const model::ParameterStore<T>& store,
                           const optim::AdamW<T>* optimizer, const text::Tokenizer& tokenizer,
                           const std::vector<ShardRecord>& shards, const Companions& companions = {});

}  // namespace recpo::checkpoint
