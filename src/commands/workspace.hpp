#pragma once
// Inputs shared by a run's commands: tokenizer, rows and models, created on first use in the run folder or the store
// (store.hpp), with a log line. Collective over the world; only rank 0 writes (in a dry run no rank does; each keeps
// its own copy in memory).

#include <memory>
#include <optional>
#include <string>

#include "src/checkpoint/model_source.hpp"
#include "src/commands/context.hpp"
#include "src/data/prepare.hpp"
#include "src/data/rows.hpp"
#include "src/deck/deck.hpp"
#include "src/model/config.hpp"
#include "src/model/parameter_store.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::commands {

// Which weights: those of a model on disk, or random ones.
struct ModelChoice {
  std::string title;                              // for messages: a path, or "random weights (tiny)"
  std::optional<checkpoint::ModelSource> source;  // empty: random weights of `config`
  model::LlamaConfig config;
  std::uint64_t seed = 0;
  std::string hash;  // the model's identity
};

class Workspace {
 public:
  explicit Workspace(const Context& context) : context_(context) {}

  const Context& context() const { return context_; }

  // tokenizer.path, else the model folder's, else one learned from the rows (run folder/tokenizer.json).
  const text::Tokenizer& tokenizer();
  std::int32_t end_id();  // config.json's, else the tokenizer's

  // rows.h5, prepared when it is missing or belongs to other inputs, with data.negatives of each row's negatives.
  const data::RowFile& rows();

  const ModelChoice& base_model();  // model.path, or random weights
  // Of a stage's folder of checkpoints (checkpoint::find_model).
  std::optional<ModelChoice> trained_model(const std::filesystem::path& stage_folder) const;
  ModelChoice model_at(const std::filesystem::path& path) const;

 private:
  text::Tokenizer learn_tokenizer() const;
  void keep_learned_tokenizer();
  std::filesystem::path keep_rows();
  void limit_negatives();
  data::Prepared make_rows();
  const std::string& wanted_rows();
  data::TokenOptions token_options();

  const Context& context_;
  std::optional<text::Tokenizer> tokenizer_;
  std::optional<ModelChoice> base_model_;
  std::optional<data::RowFile> rows_;
  std::optional<std::string> wanted_rows_;
};

// The weights of a choice, stored as T: this rank's tensor-parallel shard (kUsage when the model cannot be cut so),
// with adapters where the choice has some (collective over the world); unsharded, adapters merged; or into a store that
// is there (checkpoint::load_weights).
template <class T>
std::unique_ptr<model::ParameterStore<T>> load_shard(const ModelChoice& choice, const parallel::ProcessGrid& grid);
template <class T>
std::unique_ptr<model::ParameterStore<T>> load_whole(const ModelChoice& choice);
template <class T>
void load_weights(const ModelChoice& choice, model::ParameterStore<T>& store);

// Identity of a model's results: its weights and the precision they are rounded to.
std::string computed_identity(const ModelChoice& choice, const deck::Deck& deck);

// The end token of a model and its tokenizer; kBadInput when neither names one.
std::int32_t end_token(const model::LlamaConfig& config, const text::Tokenizer& tokenizer);

// The shape of a model with random weights: model.size, changed by the shape keys of the deck, for a tokenizer.

// vocab_size left out is the tokenizer's; begin and end token are the tokenizer's. Throws kUsage naming [model].
model::LlamaConfig random_model_config(const deck::Deck& deck, const text::Tokenizer& tokenizer);

// The same before there is a tokenizer: the vocabulary is the deck's, the named shape's, or `vocab_size`.
model::LlamaConfig random_model_shape(const deck::Deck& deck, std::int64_t vocab_size);

// Identity of weights that are drawn, not read.
std::string random_model_hash(const model::LlamaConfig& config, std::uint64_t seed);

}  // namespace recpo::commands
