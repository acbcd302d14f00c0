#pragma once
// manifest.json, the table of contents of a native checkpoint. Its text holds its own SHA-256 (taken with zeros in the
// place of the digits), so that a flipped bit anywhere in it is seen; it holds sizes and hashes of the other files, so
// that the same is true of them.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.hpp"

namespace recpo::checkpoint {

inline constexpr const char* kManifestName = "manifest.json";
inline constexpr const char* kWeightsName = "weights.h5";
inline constexpr const char* kOptimizerName = "optimizer.h5";
inline constexpr const char* kDeckName = "deck.toml";
// Arrays are GROUP/PARAMETER, row-major, of the whole parameter.
inline constexpr const char* kWeightsGroup = "weights";
inline constexpr const char* kFirstMomentGroup = "first_moment";
inline constexpr const char* kSecondMomentGroup = "second_moment";
inline constexpr const char* kStepsDone = "steps_done";  // attribute of optimizer.h5

struct FileRecord {
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct Contents {
  Manifest manifest;                                        // without the deck's text, which is a file of its own
  std::string dtype;                                        // of weights and moments: float32 | float64
  std::string tokenizer_name;                               // tokenizer.json | tokenizer.model
  std::map<std::string, std::vector<std::int64_t>> shapes;  // of the parameters, by name
  std::map<std::string, FileRecord> files;                  // every file but the manifest, by name
};

std::string format_contents(const Contents& contents);
Contents parse_contents(const std::string& text, const std::string& source);  // kBadInput
Contents read_contents(const std::filesystem::path& checkpoint);              // kBadInput

// One file of a checkpoint against its record; throws kBadInput.
void check_size(const std::filesystem::path& checkpoint, const std::string& name, const FileRecord& record);
void check_hash(const std::filesystem::path& checkpoint, const std::string& name, const FileRecord& record);
// A small file, checked.
std::string read_checked(const std::filesystem::path& checkpoint, const Contents& contents, const std::string& name);

}  // namespace recpo::checkpoint
