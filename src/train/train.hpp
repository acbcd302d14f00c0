#pragma once
// One training stage: SFT (rows with their preferred answer) or alignment (preference sets under an objective). Resumes
// by itself from the newest complete checkpoint of its stage folder and gives the same weights, bit for bit, as a run
// that was never stopped, on 1, 2, 4 or 8 data-parallel ranks. Tensor-parallel shards, ZeRO levels and recomputation
// give the same to rounding.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/checkpoint/checkpoint.hpp"
#include "src/data/rows.hpp"
#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/optim/adamw.hpp"
#include "src/parallel/communicator.hpp"
#include "src/text/tokenizer.hpp"
#include "src/train/loop.hpp"
#include "src/train/options.hpp"
#include "src/train/samples.hpp"
#include "src/train/step_shape.hpp"

namespace recpo::train {

// log-probs of the answers of alignment rows under the frozen reference model.
// by row id: [1 + negatives], preferred first.
using ReferenceLogps = std::map<std::int64_t, std::vector<double>>;

struct Stage {
  StageKind kind = StageKind::kSft;
  StageOptions options;
  optim::OptimizerOptions optimizer;
  objective::ObjectiveOptions objective;  // align only
  CheckpointOptions checkpoint;
  LogOptions log;
  ValidationOptions validation;
  ValidationRows validation_rows;  // empty: no validation
  std::uint64_t seed = 1;
  std::int64_t max_bad_steps = 3;
  ParallelOptions parallel;
  model::Recompute recompute = model::Recompute::kNone;
  model::LoraOptions lora;           // of the store's adapters
  checkpoint::AdapterBase base;      // with adapters: the model they belong to
  std::filesystem::path run_folder;  // checkpoints/name()/step_N and metrics.jsonl are below it
  std::string inputs_hash, rows_hash, deck_text;
  checkpoint::AuxiliaryFiles auxiliary;  // of the start model, kept in checkpoints

  std::string name() const { return name_of(kind); }
};

// Called at each step and phase, so that a watchdog knows the rank is alive: phase name.
using Heartbeat = std::function<void(const char* phase)>;

// Optimizer steps of a stage with so many training samples.
std::int64_t total_steps(const StageOptions& options, std::int64_t samples);

struct Outcome {
  bool finished = false;  // false: stopped in order
  std::int64_t steps = 0;
};

// Collective over grid.world. A stage that validates ends early when its patience is over. `set` is the stage's
// (stage_samples); `store` holds the start model's weights (of this rank's shard, with the gradient memory and slices
// that stage.parallel asks for: training_store below); a checkpoint in the stage's folder replaces them. Throws
// kNumerics after max_bad_steps non-finite steps, kUsage for a global batch that the ranks cannot share.
template <class T>
Outcome train(const Stage& stage, const SampleSet& set, const ReferenceLogps& reference,
              const model::LlamaConfig& config, model::ParameterStore<T>& store, const text::Tokenizer& tokenizer,
              const parallel::ProcessGrid& grid, const StopRequested& stop_requested, const Heartbeat& heartbeat);

// A store for training on this grid, weights zero; with `lora` a frozen one that carries adapters.
template <class T>
std::unique_ptr<model::ParameterStore<T>> training_store(const model::LlamaConfig& config,
                                                         const ParallelOptions& options, const model::LoraOptions& lora,
                                                         const parallel::ProcessGrid& grid);

// Bytes a rank will hold while the stage trains on `samples`, by kind: exactly what training_store and train() take as
// planned vectors. Throws kUsage for a global batch that the ranks cannot share. Not collective.
template <class T>
RankMemory stage_memory(const Stage& stage, const std::vector<Sample>& samples, const model::LlamaConfig& config,
                        const parallel::ProcessGrid& grid);

// Rows of the training split as preference sets (preferred + negatives), scored by the model in `store`.
// Collective over grid.world; `store` holds this rank's shard.
template <class T>
ReferenceLogps compute_reference(const data::RowFile& rows, const model::LlamaConfig& config,
                                 model::ParameterStore<T>& store, std::int64_t micro_batch_tokens,
                                 const parallel::ProcessGrid& grid, const Heartbeat& heartbeat);

// reference.h5: log-probs with the hash of the model and of the rows. Reading gives an empty map when the file is
// missing or belongs to another model or other rows; throws kBadInput when it is broken.
void write_reference(const std::filesystem::path& path, const ReferenceLogps& logps, const std::string& model_hash,
                     const std::string& rows_hash);
ReferenceLogps read_reference(const std::filesystem::path& path, const std::string& model_hash,
                              const std::string& rows_hash);

}  // namespace recpo::train
