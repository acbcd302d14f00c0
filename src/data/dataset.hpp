#pragma once
// A data set is one file in datasets/ that defines a `Dataset` under its file's name; the build lists them, nothing
// else is to be edited.
//
//   const Dataset ml_1m = {"ml-1m", "movies", find_files, import};
//
// Its interactions are read from files, or made by a rule from the deck's options alone.

#include <filesystem>
#include <string>
#include <vector>

#include "src/data/lines.hpp"
#include "src/data/options.hpp"
#include "src/data/ratings.hpp"

namespace recpo::data {

struct Dataset {
  const char* name;    // the deck's data.dataset
  const char* domain;  // its prompts: inputs/prompts/DOMAIN.txt
  // The raw files in `folder`, in an order that import knows. Throws kBadInput naming what is missing.
  std::vector<std::filesystem::path> (*find_files)(const std::filesystem::path& folder);
  void (*import)(const std::vector<std::filesystem::path>& files, double max_bad_lines, RatingsBuilder& builder,
                 ImportReport& report);
  // Instead of the two above (nullptr then): everything from `options`.
  void (*generate)(const DataOptions& options, RatingsBuilder& builder) = nullptr;

  bool has_files() const { return generate == nullptr; }
};

const std::vector<const Dataset*>& datasets();
const Dataset& find_dataset(const std::string& name);  // kUsage, listing the names, when there is none

}  // namespace recpo::data
