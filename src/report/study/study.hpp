#pragma once
// Many run folders as one study: what each system answered at each setting on each data set, seeds pooled, and which of
// it stands for the system in the paper's tables.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/report/run_folder.hpp"

namespace recpo::report {

// One system in one run folder.
struct Result {
  const RunFolder* run = nullptr;
  const SystemFigures* figures = nullptr;
  std::string seed;

  const SystemAnswers* answers() const;  // nullptr: no predictions of this system
};

// One system at one setting on one data set, over its seeds.
struct Variant {
  const System* system = nullptr;
  std::string dataset;
  Settings settings;          // relevant ones
  std::vector<Result> seeds;  // rising; one a seed, or more with different tests
  SystemFigures pooled;       // of all seeds (pooling.hpp); `history` too
  bool is_base = false;       // stands in Table 1
  std::vector<std::string>
      changed;  // keys that differ from the system's base variant; from the base settings without one

  bool only_changes(const std::vector<std::string>& keys) const;  // some of them
};

// HR@1 of the test rows; nullopt without a variant or without figures.
std::optional<double> hit_rate_of(const Variant* variant);

inline constexpr std::uint64_t kBootstrapSeed = 1;  // of intervals over the rows of several seeds, and of differences

struct Study {
  Study() = default;
  Study(Study&&) = default;
  Study(const Study&) = delete;  // variants point into runs
  Study& operator=(const Study&) = delete;

  std::vector<RunFolder> runs;
  std::vector<std::string> datasets;  // of the paper in its order, then others by name
  std::vector<Variant> variants;      // by data set, then system in the order of systems(), base variants first
  std::vector<std::string> remarks;   // what was left out, or decided where runs leave a choice

  const Variant* base(const std::string& dataset, const std::string& system) const;  // nullptr: not run
  // The base variant and those that differ from it in none but these keys; variants without one of them are left out.
  std::vector<const Variant*> grid(const std::string& dataset, const std::string& system,
                                   const std::vector<std::string>& keys) const;
  std::vector<const Variant*> sweep(const std::string& dataset, const std::string& system,
                                    const std::string& key) const {
    return grid(dataset, system, {key});
  }
};

// Reads and orders the folders. Throws kBadInput.
Study read_study(const std::vector<std::filesystem::path>& run_folders);

// The part of read_study() that needs no files.
Study arrange(std::vector<RunFolder> runs);

}  // namespace recpo::report
