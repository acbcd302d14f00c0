#pragma once
// Native checkpoints (DESIGN section 7): a folder step_N with manifest.json (sizes, SHA-256 of each file, format version,
// deck, hashes, progress) and HDF5 shards. Written as step_N.tmp, synced, renamed, read back; broken ones are passed
// over and reported, never loaded. A folder is whole when its manifest is there and every file has its size and hash.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/optim/adamw.hpp"
#include "src/parallel/communicator.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::checkpoint {

// Where a run stands; everything a continued run needs besides weights and moments.
struct Progress {
  std::string stage;            // sft | align | import
  std::int64_t step = 0;        // optimizer steps done in the stage
  std::int64_t samples = 0;     // rows consumed: the global sample counter
  std::int64_t total_steps = 0;
  bool complete = false;        // the stage has ended
  std::string inputs_hash;      // of the stage's inputs (rows, start model, options): continue only when equal
  std::string rows_hash;
  std::string deck;             // the deck with every key, as text
  std::string extra;            // JSON of the trainer (skipped steps and such)
};

struct Manifest {
  Progress progress;
  model::LlamaConfig config;
  bool has_optimizer = false;
  std::string weights_hash;     // SHA-256 over the weights in storage order: the model's identity
};

// Collective over `dp`: rank 0 writes the replicated state, every rank returns or throws together. `optimizer` may be
// null (import). Afterwards prunes whole checkpoints of `stage_folder` beyond the newest `keep` (>= 1).
template <class T>
void save_checkpoint(const std::filesystem::path& stage_folder, const Progress& progress,
                     const model::LlamaConfig& config, const model::ParameterStore<T>& store,
                     const optim::AdamW<T>* optimizer, const text::Tokenizer& tokenizer, int keep,
                     parallel::Communicator& dp);

// The newest whole step_N of a stage folder, verified; broken newer ones are reported with log::warn. nullopt when
// there are no step_N folders at all; throws kBadInput when there are some and every one is broken.
std::optional<std::filesystem::path> find_newest(const std::filesystem::path& stage_folder);

Manifest read_manifest(const std::filesystem::path& checkpoint);      // kBadInput
text::Tokenizer read_tokenizer(const std::filesystem::path& checkpoint);
// Verifies sizes and hashes of every file; throws kBadInput naming the broken file.
void verify(const std::filesystem::path& checkpoint);

template <class T>
void load_weights(const std::filesystem::path& checkpoint, model::ParameterStore<T>& store);
template <class T>
void load_optimizer(const std::filesystem::path& checkpoint, optim::AdamW<T>& optimizer);

}  // namespace recpo::checkpoint
