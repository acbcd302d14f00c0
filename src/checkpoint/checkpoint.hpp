#pragma once
// Native checkpoints: a folder step_N with manifest.json (sizes, SHA-256 of each file, format version, deck, hashes,
// progress) and one HDF5 shard for each rank that owns a part (manifest.hpp). Written by any tp x dp grid, with or
// without ZeRO, and read by any other: elements are located by their global index in the parameter. Written as
// step_N.tmp, fsynced, renamed, read back. A checkpoint is complete when its manifest exists and every file has the
// recorded size and hash; incomplete ones are reported and skipped, never loaded.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/model/config.hpp"
#include "src/model/lora.hpp"
#include "src/model/parameter_store.hpp"
#include "src/optim/adamw.hpp"
#include "src/parallel/communicator.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::checkpoint {

// The base model of the adapters (model/lora.hpp): a path as for model_source.hpp with its model_hash, or random
// weights of the checkpoint's config.
struct AdapterBase {
  std::string path;  // absolute; empty: random weights
  std::string hash;
  std::uint64_t seed = 0;
};
struct AdapterRecord {
  model::LoraOptions options;  // rank 0: the checkpoint holds a full model
  AdapterBase base;
};

// Files of a Hugging Face model that recpo does not read but other programs do (generation_config.json, chat template,
// ...): name -> content. Import stores them in the native checkpoint (hashed by its manifest), export writes them back.
using AuxiliaryFiles = std::map<std::string, std::string>;

inline constexpr const char* kImportStage = "import";

// Where a run stands; everything needed to resume, except weights and moments.
struct Progress {
  std::string stage;         // sft | align | import
  std::int64_t step = 0;     // optimizer steps done in the stage
  std::int64_t samples = 0;  // rows consumed: the global sample counter
  std::int64_t total_steps = 0;
  bool complete = false;    // the stage has ended
  std::string inputs_hash;  // of the stage's inputs (rows, start model, options): continue only when equal
  std::string rows_hash;
  std::string deck;   // the deck with every key, as text
  std::string extra;  // JSON of the trainer (skipped steps and such)
  AdapterRecord adapters;
  std::int64_t best_step = 0;  // by the stage's validations; 0: none
  bool keep_best = false;      // step_BEST stays, and its weights are the stage's model
};

struct Manifest {
  Progress progress;
  model::LlamaConfig config;
  bool has_optimizer = false;
  std::string weights_hash;  // the model's identity, the same for the same weights on any grid (hashing.hpp)
};

// Collective over `grid.world`: every rank writes what it owns, rank 0 the manifest; all return or throw the same error
// together, and after an error no step_N.tmp stays. `store` holds the shard of grid.tp, `optimizer` the slices of
// grid.dp (or everything); it may be null (import). `auxiliary` are copied into the checkpoint. Names the best
// step, if any, in the text file `best` of `stage_folder`. Afterwards prunes complete checkpoints beyond the newest
// `keep` (>= 1), but for that of the best step with progress.keep_best; what cannot be removed is a warning.
template <class T>
void save_checkpoint(const std::filesystem::path& stage_folder, const Progress& progress,
                     const model::LlamaConfig& config, const model::ParameterStore<T>& store,
                     const optim::AdamW<T>* optimizer, const text::Tokenizer& tokenizer, int keep,
                     const parallel::ProcessGrid& grid, const AuxiliaryFiles& auxiliary = {});

// The newest complete step_N of a stage folder, verified; broken newer ones are reported with log::warn. nullopt when
// there are no step_N folders at all; throws kBadInput when there are some but none is complete. With `ranks` it is
// collective: each hashes a share of the files, and all return or throw the same; without, one rank hashes everything.
std::optional<std::filesystem::path> find_newest(const std::filesystem::path& stage_folder,
                                                 parallel::Communicator& ranks);
std::optional<std::filesystem::path> find_newest(const std::filesystem::path& stage_folder);

// The checkpoint that holds a stage's model, verified: the best by validation where its newest complete one says so,
// which is that one otherwise. nullopt, errors and `ranks` as above; throws kBadInput when the best is broken.
std::optional<std::filesystem::path> find_model(const std::filesystem::path& stage_folder,
                                                parallel::Communicator& ranks);

// What a save leaves to be removed when it is killed at its end. `newest`: of find_newest. Collective over `ranks`.
void finish_pruning(const std::filesystem::path& newest, int keep, parallel::Communicator& ranks);

Manifest read_manifest(const std::filesystem::path& checkpoint);  // kBadInput
text::Tokenizer read_tokenizer(const std::filesystem::path& checkpoint);
// Verifies sizes and hashes of every file; throws kBadInput naming the broken file. Collective over `ranks`, if given.
void verify(const std::filesystem::path& checkpoint, parallel::Communicator& ranks);
void verify(const std::filesystem::path& checkpoint);

// The store's shard of the weights. Elements of another dtype are converted; padding rows are untouched. Throws
// kBadInput. Not collective: every rank reads its own part.
template <class T>
void load_weights(const std::filesystem::path& checkpoint, model::ParameterStore<T>& store);
// The moments of optimizer.shard(), its number of steps, and its master weights where it has them (those of the file,
// or the store's weights, which are loaded before).
template <class T>
void load_optimizer(const std::filesystem::path& checkpoint, optim::AdamW<T>& optimizer);

}  // namespace recpo::checkpoint
