#pragma once
// What the commands of a run share: tokenizer, rows and models, made when first asked for, in the run folder or in the
// store (store.hpp). A command makes what it lacks and says so. Everything here is collective over the world; only rank
// 0 writes, and nobody in a dry run (each rank then makes its own in memory).

#include <memory>
#include <optional>
#include <string>

#include "src/app/context.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/data/prepare.hpp"
#include "src/data/rows.hpp"
#include "src/model/parameter_store.hpp"
#include "src/text/tokenizer.hpp"

namespace recpo::app {

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
  // The newest whole checkpoint of a stage folder.
  std::optional<ModelChoice> newest_model(const std::filesystem::path& stage_folder) const;
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
// with adapters beside it where the choice has some; the whole, adapters merged; or into a store that is there
// (checkpoint::load_weights).
template <class T>
std::unique_ptr<model::ParameterStore<T>> load_shard(const ModelChoice& choice, const parallel::ProcessGrid& grid);
template <class T>
std::unique_ptr<model::ParameterStore<T>> load_whole(const ModelChoice& choice);
template <class T>
void load_weights(const ModelChoice& choice, model::ParameterStore<T>& store);

// What tells the figures of a model apart: its weights, and what they are rounded to.
std::string computed_identity(const ModelChoice& choice, const Deck& deck);

// The end token of a model and its tokenizer; kBadInput when neither names one.
std::int32_t end_token(const model::LlamaConfig& config, const text::Tokenizer& tokenizer);

}  // namespace recpo::app
