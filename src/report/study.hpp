#pragma once
// Run folders as one study: what each system answered at each setting on each data set, seeds pooled, and which of its
// variants stands in the tables. A single run is a study of one.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/evaluation/significance.hpp"
#include "src/report/published.hpp"
#include "src/report/run_folder.hpp"
#include "src/report/systems.hpp"

namespace recpo::report {

// One system in one run folder.
struct Result {
  const RunFolder* run = nullptr;
  const SystemMetrics* metrics = nullptr;
  std::string seed;

  const Answers* answers(const std::string& test) const;  // nullptr: no predictions
};

// One system at one setting on one data set, over its seeds.
//
// The variant of a system that stands in the tables and is what sweeps start from, its base variant:
// - The base settings of a data set are, key by key, the paper's where any run on the data set has it, otherwise what
//   most of its runs have, the first of equally frequent ones.
// - A system's base variant has the base settings in all keys of the paper, and in as many others as can be; of
//   several the one with most seeds, then the first. A system that was only run elsewhere has none.
struct Variant {
  const System* system = nullptr;
  std::string dataset;
  Settings settings;          // relevant ones
  std::vector<Result> seeds;  // rising; one a seed, or more with different tests
  SystemMetrics pooled;       // of all seeds
  bool is_base = false;
  std::vector<std::string> changed;  // keys that differ from the system's base variant, without one from the base
                                     // settings
};

struct Study {
  Study() = default;
  Study(Study&&) = default;
  Study(const Study&) = delete;  // variants point into runs and systems
  Study& operator=(const Study&) = delete;

  std::vector<RunFolder> runs;
  Published paper;                    // empty where its file is missing
  std::vector<System> systems;        // of the runs, and the paper's where it has a data set of theirs
  std::vector<std::string> datasets;  // of the paper in its order, then others by name
  std::vector<Variant> variants;      // by data set, then system in the order of `systems`, base variants first
  std::vector<std::string> remarks;   // what was left out, or decided where runs leave a choice

  bool is_single_run() const { return runs.size() == 1; }
  const System* find(const std::string& system) const;                               // nullptr: unknown
  std::vector<const Variant*> bases(const std::string& dataset) const;               // base variants, in order
  const Variant* base(const std::string& dataset, const std::string& system) const;  // nullptr: not run
  // What a report is about: the proposed system, else the first of those trained furthest (aligned, SFT, zero-shot,
  // traditional); nullptr: none of them.
  const Variant* subject(const std::string& dataset) const;
};

// The paper's numbers as shipped; empty where their file is missing. Throws kBadInput.
Published read_paper();

// Keys that say how long SFT trains: those in which kSftLonger differs.
bool is_sft_budget(const std::string& key);

// Orders the runs of one group. Throws kBadInput.
Study arrange(std::vector<RunFolder> runs, Published paper);

// By the settings, else prepare.json, else the default.
std::string dataset_of(const RunFolder& run, const SystemMetrics& system);

// Sets is_base and changed of all variants, and says in `remarks` what had to be decided (selection.cpp).
void select_bases(Study& study);

// Several seeds of one system as one (pooling.cpp): metrics over the rows of all seeds. The interval of one seed is its
// own. Of several, those of HR@1, ranked HR@1 and ValidRatio come from resampling users with all their rows of all
// seeds, because rows of one user are not independent; where a seed has no predictions, and for other metrics, it is
// the mean of the seeds' own intervals, which is as wide as if more seeds taught nothing. A test by history lengths
// also gets its "spread".
SystemMetrics pool(const std::vector<Result>& seeds);

// A metric of each seed, for those that have it.
std::vector<double> values_of_seeds(const std::vector<Result>& seeds, const std::string& test,
                                    const std::string& metric);

// (highest - lowest) / mean of HR@1 over buckets; nullopt below two buckets or without hits.
std::optional<double> relative_spread(const std::vector<TestMetrics>& buckets);

}  // namespace recpo::report
