#pragma once
// The folders step_N of a stage, and the order in which one replaces another. A kill between any two of these calls
// leaves at least one whole checkpoint to be found when there was one before.

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

// Newest first; a replaced one comes behind the one that replaces it. Empty when the folder is missing.
std::vector<StepFolder> list_steps(const std::filesystem::path& stage_folder);

// step_N.tmp
std::filesystem::path temporary_step(const std::filesystem::path& stage_folder, std::int64_t step);
// Makes it, empty; leftovers of earlier writers are removed first. Throws kCannotWrite.
void begin_step(const std::filesystem::path& stage_folder, std::int64_t step);
// Renames step_N.tmp to step_N, in the place of one that may be there. Throws kCannotWrite.
std::filesystem::path commit_step(const std::filesystem::path& stage_folder, std::int64_t step);
// Removes what is older than the `keep` newest complete folders up to `step` (sizes are looked at, hashes are not).
void prune_steps(const std::filesystem::path& stage_folder, std::int64_t step, int keep);

}  // namespace recpo::checkpoint
