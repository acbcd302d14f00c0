#pragma once
// Native checkpoints (DESIGN section 7): a folder step_N with manifest.json (sizes, SHA-256 of each file, format
// version, deck, hashes, progress) and HDF5 shards, one for each rank that owns a part (manifest.hpp). Written by any
// grid of tensor-parallel x data-parallel ranks, with or without ZeRO, and read by any other: parts are found by their
// place in the whole parameter. Written as step_N.tmp, synced, renamed, read back; broken ones are passed over and
// reported, never loaded. A folder is whole when its manifest is there and every file has its size and hash.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "src/checkpoint/adapter_record.hpp"
#include "src/checkpoint/companions.hpp"
#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/optim/adamw.hpp"
#include "src/parallel/communicator.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::checkpoint {

// Where a run stands; everything a continued run needs besides weights and moments.
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
};

struct Manifest {
  Progress progress;
  model::LlamaConfig config;
  bool has_optimizer = false;
  std::string weights_hash;  // the model's identity, the same for the same weights on any grid (fingerprint.hpp)
};

// Collective over `grid.world`: every rank writes what it owns, rank 0 the manifest; all return or throw the same error
// together, and after an error no step_N.tmp stays. `store` holds the shard of grid.tp, `optimizer` the slices of
// grid.dp (or everything); it may be null (import). `companions` become files of the checkpoint. Afterwards prunes
// whole checkpoints of `stage_folder` beyond the newest `keep` (>= 1).
template <class T>
void save_checkpoint(const std::filesystem::path& stage_folder, const Progress& progress,
                     const model::LlamaConfig& config, const model::ParameterStore<T>& store,
                     const optim::AdamW<T>* optimizer, const text::Tokenizer& tokenizer, int keep,
                     const parallel::ProcessGrid& grid, const Companions& companions = {});

// The newest whole step_N of a stage folder, verified; broken newer ones are reported with log::warn. nullopt when
// there are no step_N folders at all; throws kBadInput when there are some and every one is broken. With `ranks` it is
// collective: each hashes a share of the files, and all return or throw the same; without, one rank hashes everything.
std::optional<std::filesystem::path> find_newest(const std::filesystem::path& stage_folder,
                                                 parallel::Communicator& ranks);
std::optional<std::filesystem::path> find_newest(const std::filesystem::path& stage_folder);

Manifest read_manifest(const std::filesystem::path& checkpoint);  // kBadInput
text::Tokenizer read_tokenizer(const std::filesystem::path& checkpoint);
// Verifies sizes and hashes of every file; throws kBadInput naming the broken file. Collective over `ranks`, if given.
void verify(const std::filesystem::path& checkpoint, parallel::Communicator& ranks);
void verify(const std::filesystem::path& checkpoint);

// The part of the weights that the store holds. Elements of another type are converted; padding is left alone. Throws
// kBadInput. Not collective, and every rank reads for itself.
template <class T>
void load_weights(const std::filesystem::path& checkpoint, model::ParameterStore<T>& store);
// The moments of optimizer.shard(), its number of steps, and its master weights where it has them (those of the file,
// or the store's weights, which are loaded before).
template <class T>
void load_optimizer(const std::filesystem::path& checkpoint, optim::AdamW<T>& optimizer);

}  // namespace recpo::checkpoint
