#pragma once
// prepare.json: what became of the raw data. Everything is optional, because ready-made rows have no ratings to count.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace recpo::report {

struct DatasetCounts {
  std::int64_t users = 0, items = 0, interactions = 0;
  bool operator==(const DatasetCounts&) const = default;
};

using NamedCounts = std::vector<std::pair<std::string, std::int64_t>>;

struct Preparation {
  std::string dataset;
  std::string seed;                             // as text: it has 64 bits
  std::optional<DatasetCounts> imported, kept;  // before every filter, and after the last
  NamedCounts rows, dropped;                    // by split, by reason
  std::optional<std::int64_t> bad_lines;        // of the raw files
  std::string rows_hash;
};

// Throws kBadInput naming `source` and the key.
Preparation parse_preparation(const std::string& json, const std::string& source);

}  // namespace recpo::report
