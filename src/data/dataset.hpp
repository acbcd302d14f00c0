#pragma once
// A data set is one file in datasets/ that defines a `Dataset` under its file's name; the build lists them, nothing
// else is to be edited.
//
//   const Dataset ml_1m = {.name = "ml-1m", .domain = "movies", ..., .find_files = find_files, .import = import};
//
// Its interactions are read from files, or made by a rule from the deck's options alone; or it has no interactions but
// rows that are ready.

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "src/data/lines.hpp"
#include "src/data/options.hpp"
#include "src/data/ratings.hpp"

namespace recpo::data {
struct Prepared;

// Files of a data set in a folder, as `recpo init` finds them.
struct Finding {
  DataOptions options;             // that read them; dataset and path are set by findings_in
  std::vector<std::string> notes;  // what files and columns are taken for
  std::vector<std::string> open;   // what the files do not tell
  std::string obstacle;            // not empty: why they cannot be read, and what to do
};

struct Dataset {
  const char* name;         // the deck's data.dataset
  const char* domain = "";  // its prompts: inputs/prompts/DOMAIN.txt
  const char* title;        // "MovieLens-1M"
  const char* files = "";   // those it needs: "movies.dat and ratings.dat"
  // The raw files in options.path, in an order that import knows; nullopt where one is missing.
  std::optional<std::vector<std::filesystem::path>> (*find_files)(const DataOptions& options) = nullptr;
  void (*import)(const std::vector<std::filesystem::path>& files, const DataOptions& options, RatingsBuilder& builder,
                 ImportReport& report) = nullptr;
  // Instead of the two above (nullptr then): everything from `options`.
  void (*generate)(const DataOptions& options, RatingsBuilder& builder) = nullptr;

  // Instead of all of these: ready rows from data.train, data.valid and data.test.
  void (*read_rows)(const DataOptions& options, Prepared& prepared, nlohmann::ordered_json& summary) = nullptr;

  bool any_content = false;  // files of any data set: reports name it by their folder

  // Whether a folder holds this data set. Left out: where find_files finds files, the path says all.
  std::optional<Finding> (*recognize)(const std::filesystem::path& folder) = nullptr;

  bool has_files() const { return find_files != nullptr; }
  bool has_ready_rows() const { return read_rows != nullptr; }
};

const std::vector<const Dataset*>& datasets();
const Dataset& find_dataset(const std::string& name);  // kUsage, listing the names, when there is none

// find_files, where missing files are kBadInput.
std::vector<std::filesystem::path> find_raw_files(const Dataset& dataset, const DataOptions& options);

inline LineLimits line_limits(const DataOptions& options) { return {options.max_bad_lines, options.max_lines}; }

// All data sets that a folder holds: those with files of fixed names, then those of any content, then ready rows; what
// has an obstacle comes last.
std::vector<Finding> findings_in(const std::filesystem::path& folder);

}  // namespace recpo::data
