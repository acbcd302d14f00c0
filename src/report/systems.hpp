#pragma once
// What systems, metrics and tests of evaluation.json are registered with; others are known by their name alone.

#include <set>
#include <string>
#include <vector>

#include "src/report/evaluation_file.hpp"

namespace recpo::report {

// In the order of tables.
enum class Role {
  kTraditional,  // trained recommenders without a language model
  kBase,         // the language model before training
  kSft,
  kAligned,
  // Untrained: what any system should beat, and on synthetic data the best there can be.
  kHeuristic,
  kChance,
  kBest,
};
// SFT with as many rows in all as SFT and alignment of an aligned run, all else equal (Study recognises it).
inline constexpr const char *kSft = "sft", *kSftLonger = "sft-longer";
inline constexpr const char* kDeckWithLongerSft = "inputs/quickstart.toml";

constexpr bool is_language_model(Role role) {
  return role == Role::kBase || role == Role::kSft || role == Role::kAligned;
}
constexpr bool is_reference_point(Role role) { return role >= Role::kHeuristic; }

struct System {
  std::string name;  // in evaluation.json
  std::string label, colour;
  Role role = Role::kAligned;
  bool proposed = false;     // compared with every other system
  std::string extends = {};  // an aligned system that it is compared with
};

// By role, then in the order in which they are registered, then others by name, these with the palette's next colours.
std::vector<System> describe_systems(const std::set<std::string>& names);

// The n-th colour of a palette for colour-blind readers, too, from its start again after the last.
const char* palette_colour(std::size_t n);

// The settings that can change a system's metrics, seed aside, so that a report neither pools what differs nor splits
// what is the same: keys whose declaration says so (support/keys.hpp), of those the ones that its objective reads
// (s-dpo has no lambda) and its data set (only a generated one has [synthetic]). A key that no deck declares counts. A
// path counts by its last name only, and a native checkpoint by its stage, as copies lie anywhere.
Settings relevant_settings(const System& system, const Settings& settings);

// The data set of settings that name one, else `fallback`. Kinds of files with any content are told apart by their
// folder: "recbole (NAME)".
std::string dataset_of(const Settings& settings, const std::string& fallback);

struct MetricView {
  std::string name;  // in an object of the file: "ranked_hr@5"
  std::string label;
  bool in_tables = true;  // results.csv has all
  double lowest = 0, highest = 1;
};
MetricView describe_metric(const std::string& name);
std::vector<MetricView> registered_metrics();  // in the order of columns

struct TestView {
  std::string title, meaning;
  std::string picture, picture_of_run;  // files: in a report of many runs, of one
};
TestView describe_test(const std::string& test);

}  // namespace recpo::report
