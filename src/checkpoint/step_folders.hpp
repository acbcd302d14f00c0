#pragma once
// Folders step_N of a stage and their replacement order. A kill between any two of these calls leaves at least one
// complete checkpoint if there was one before.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace recpo::checkpoint {

struct StepFolder {
  std::int64_t step = 0;
  bool replaced = false;  // step_N.replaced: moved aside by a newer step_N
  std::filesystem::path path;
};

// Newest first; a replaced one follows its replacement. Empty when the folder is missing;
// throws kBadInput when it cannot be listed.
std::vector<StepFolder> list_steps(const std::filesystem::path& stage_folder);

// step_N.tmp
std::filesystem::path temporary_step(const std::filesystem::path& stage_folder, std::int64_t step);
// Creates it empty, after remove_leftovers(). Throws kCannotWrite.
void begin_step(const std::filesystem::path& stage_folder, std::int64_t step);
// Renames step_N.tmp to step_N, replacing an existing one. Throws kCannotWrite.
std::filesystem::path commit_step(const std::filesystem::path& stage_folder, std::int64_t step);
// The text file `best` of a stage, "step_N"; nothing for step 0. Throws kCannotWrite.
void write_best(const std::filesystem::path& stage_folder, std::int64_t step);
// Removes what older than `newest`, which is whole, is not among the `keep` newest complete ones (checks sizes, not
// hashes), but not step_BEST; best = 0: none. What cannot be removed stays, with a warning: it takes nothing away from
// the newest.
void prune_steps(const std::filesystem::path& newest, int keep, std::int64_t best = 0);
// Unfinished folders of earlier writers. Of those that stay there is one warning.
void remove_leftovers(const std::filesystem::path& stage_folder);

}  // namespace recpo::checkpoint
