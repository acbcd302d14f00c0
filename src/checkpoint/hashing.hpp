#pragma once
// SHA-256 of large files, with a bar that moves (and keeps the watchdog content) while they are read.

#include <cstdint>
#include <filesystem>
#include <string>

#include "src/support/log.hpp"

namespace recpo::checkpoint {

// Counts bytes, shows MB.
class ByteProgress {
 public:
  ByteProgress(const std::string& title, std::int64_t bytes) : progress_(title, bytes / kBytesPerUnit, "MB") {}
  void advance(std::int64_t bytes) {
    progress_.advance((done_ + bytes) / kBytesPerUnit - done_ / kBytesPerUnit);
    done_ += bytes;
  }

 private:
  static constexpr std::int64_t kBytesPerUnit = 1'000'000;
  recpo::Progress progress_;
  std::int64_t done_ = 0;
};

// Hexadecimal; throws kBadInput when the file cannot be read.
std::string hash_file(const std::filesystem::path& path, ByteProgress& progress);

}  // namespace recpo::checkpoint
