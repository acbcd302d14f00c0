#pragma once
// Training of a sequential recommender on the frozen rows. An example is a training row as the language model sees it:
// the history that its prompt shows, oldest first, and the item it shall answer with; nothing of validation and test
// rows enters. Each epoch goes through all rows in an order drawn by the seed, with one negative a row: an item of the
// training rows other than the answer, uniformly. After each epoch the validation rows are ranked; training ends when
// their HR@1 has not risen for options.patience epochs, or after options.epochs, and the weights of the best epoch (of
// equal ones the first) are what is kept. Without validation rows it is the last.
//
// Draws are functions of (seed, epoch, row), and a checkpoint holds the whole state: training that is stopped or killed
// at any moment goes on to the same weights, bit for bit, on 1, 2, 4 or 8 data-parallel ranks.

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "src/baselines/options.hpp"
#include "src/baselines/sequence_model.hpp"
#include "src/train/options.hpp"

namespace recpo::baselines {

struct TrainingJob {
  const Baseline* baseline = nullptr;
  BaselineOptions options;
  train::CheckpointOptions checkpoint;
  std::int64_t reduction_leaves = 8;
  std::int64_t max_bad_steps = 3;
  std::uint64_t seed = 1;
  std::filesystem::path folder;  // of the checkpoints
  std::string inputs_hash;       // of rows and settings
};

struct Trained {
  bool finished = false;  // false: stopped in order, with a checkpoint
  std::int64_t steps = 0;
  std::unique_ptr<SequenceModel<float>> model;  // with the weights of the best epoch
};

ModelShape model_shape(const BaselineOptions& options, const ItemVocabulary& vocabulary);

// Batches of an epoch over so many training rows.
std::int64_t steps_of_epoch(const BaselineOptions& options, std::int64_t training_rows);

// Collective over grid.world. `stop_requested` is asked once a step, with the agreement of all ranks. Throws kBadInput
// without training rows, kNumerics when more than max_bad_steps steps were not finite, kUsage when the folder holds
// checkpoints of other inputs.
Trained train(const TrainingJob& job, const data::RowFile& rows, const ItemVocabulary& vocabulary,
              const parallel::ProcessGrid& grid, const std::function<bool()>& stop_requested);

}  // namespace recpo::baselines
