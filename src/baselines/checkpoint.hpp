#pragma once
// Checkpoints of a baseline's training, one HDF5 file each: checkpoints/baseline-NAME/step_N.h5, with checksums over
// all of it (support/hdf5.hpp), complete or absent. The newest intact one counts; broken ones are reported and passed
// over.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "src/parallel/communicator.hpp"

namespace recpo::baselines {

struct TrainingState {
  std::string model;        // the baseline's name
  std::string inputs_hash;  // of rows and settings: continue only when equal
  std::string layout;       // names and shapes of the parameters, in the order of the arrays below
  std::int64_t step = 0;    // batches done; updates: those of them that changed the weights
  std::int64_t updates = 0, bad_steps = 0;
  bool complete = false;
  std::int64_t best_epoch = 0;  // from 1; 0: none yet
  double loss_sum = 0;          // over the steps of the epoch that is under way
  // Of the epochs done: mean loss, and hits among the validation rows.
  std::vector<double> epoch_losses;
  std::vector<std::int64_t> epoch_hits;
  std::vector<float> weights, first_moment, second_moment, best_weights;

  std::int64_t epochs() const { return static_cast<std::int64_t>(epoch_losses.size()); }
};

std::filesystem::path baseline_folder(const std::filesystem::path& run_folder, const std::string& name);
bool is_baseline_folder(const std::filesystem::path& path);  // by its files' names

// Collective over `ranks`: rank 0 writes, then finishes pruning. Throws kCannotWrite on every rank.
void save_state(const std::filesystem::path& folder, const TrainingState& state, std::int64_t keep,
                parallel::Communicator& ranks);
// Removes what is older than the newest `keep` up to `step`, and unfinished files. What cannot be removed stays, with a
// warning. Collective over `ranks`.
void finish_pruning(const std::filesystem::path& folder, std::int64_t step, std::int64_t keep,
                    parallel::Communicator& ranks);
// The newest intact one; nullopt without any file. Throws kBadInput when there are some and every one is broken.
// Collective over `ranks`.
std::optional<std::filesystem::path> newest_state(const std::filesystem::path& folder, parallel::Communicator& ranks);
// The same, read on every rank.
std::optional<TrainingState> load_newest_state(const std::filesystem::path& folder, parallel::Communicator& ranks);

TrainingState read_state(const std::filesystem::path& file);  // kBadInput; not collective
// Lines for a person.
std::string describe_state(const std::filesystem::path& file);

}  // namespace recpo::baselines
