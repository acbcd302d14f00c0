#include "src/commands/workspace.hpp"

#include <nlohmann/json.hpp>

#include "src/checkpoint/checkpoint.hpp"
#include "src/commands/store.hpp"
#include "src/data/dataset.hpp"
#include "src/parallel/collective_try.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;

// Everything a learned tokenizer sees: prompts and completions of the training rows.
std::vector<std::string> training_texts(const data::RowFile& rows) {
  std::vector<std::string> texts;
  for (const data::Row* row : rows.of_split(data::Split::kTrain)) {
    texts.push_back(row->prompt);
    for (const data::Candidate& candidate : row->candidates) texts.push_back(data::completion(candidate));
  }
  return texts;
}

}  // namespace

const text::Tokenizer& Workspace::tokenizer() {
  if (tokenizer_) return *tokenizer_;
  const deck::Deck& deck = context_.deck;
  if (!deck.tokenizer.path.empty()) {
    parallel::collective_try(*context_.grid.world, [&] { tokenizer_ = text::Tokenizer::load(deck.tokenizer.path); });
  } else if (!deck.model.path.empty()) {
    tokenizer_ = checkpoint::read_tokenizer(checkpoint::open_model(deck.model.path, *context_.grid.world));
  } else if (deck.tokenizer.train_vocab == 0) {
    throw_usage(
        "random weights need a tokenizer: set tokenizer.path to a tokenizer.json, or tokenizer.train_vocab to "
        "the size of one to learn from the rows (or model.path to a model)");
  } else if (context_.line.dry_run) {
    tokenizer_ = learn_tokenizer();
  } else {
    keep_learned_tokenizer();
  }
  return *tokenizer_;
}

text::Tokenizer Workspace::learn_tokenizer() const {
  const deck::Deck& deck = context_.deck;
  const data::Prepared drawn = data::draw_rows(deck.data, deck.prompt, deck.run.seed);
  const bool with_titles = deck.tokenizer.titles == deck::Titles::kToken;
  log::info("tokenizer: learning {} tokens from the training rows{}", deck.tokenizer.train_vocab,
            with_titles ? ", and one token a title" : "");
  return text::Tokenizer::train(training_texts(drawn.rows), static_cast<int>(deck.tokenizer.train_vocab),
                                with_titles ? drawn.titles : std::vector<std::string>());
}

// Learned once: tokenizer.json, as long as the rows' inputs stay the same.
void Workspace::keep_learned_tokenizer() {
  const deck::Deck& deck = context_.deck;
  const std::string identity = text_of_first_rank(context_, "hashing data", [&] {
    return data::rows_identity(
        deck.data, deck.prompt, deck.run.seed,
        fmt::format("learned, {}, {}", deck.tokenizer.train_vocab, name_of(deck.tokenizer.titles)), {});
  });
  const fs::path folder = output_folder(context_, "tokenizer", identity);
  const fs::path path = folder / "tokenizer.json";
  const StoreLock lock(context_, folder);
  run_on_first_rank(context_, "learning a tokenizer", [&] {
    const Interruptible interruptible(context_);
    StageRecord record(folder);
    if (is_there(path) && record.is_done("tokenizer", identity)) return;
    create_folders(folder);
    write_file(path, learn_tokenizer().file_content());
    record.set_done("tokenizer", identity);
  });
  tokenizer_ = text::Tokenizer::load(path);
}

std::int32_t end_token(const model::LlamaConfig& config, const text::Tokenizer& tokenizer) {
  if (config.eos_token_id >= 0) return config.eos_token_id;
  if (tokenizer.end_id() < 0) throw_input("neither config.json (eos_token_id) nor the tokenizer names an end token");
  return tokenizer.end_id();
}

std::int32_t Workspace::end_id() { return end_token(base_model().config, tokenizer()); }

data::TokenOptions Workspace::token_options() {
  return {.max_tokens = context_.deck.model.max_tokens, .end_id = end_id()};
}

// Hashes the raw files.
const std::string& Workspace::wanted_rows() {
  const deck::Deck& deck = context_.deck;
  if (!wanted_rows_)
    wanted_rows_ = data::rows_identity(deck.data, deck.prompt, deck.run.seed, tokenizer().hash(), token_options());
  return *wanted_rows_;
}

data::Prepared Workspace::make_rows() {
  const deck::Deck& deck = context_.deck;
  data::Prepared prepared = data::draw_rows(deck.data, deck.prompt, deck.run.seed);
  data::tokenize_rows(prepared, deck.prompt, tokenizer(), token_options());
  return prepared;
}

// The file, made where it is not there.
fs::path Workspace::keep_rows() {
  token_options();  // collective
  const std::string identity = text_of_first_rank(context_, "hashing data", [&] { return wanted_rows(); });
  const fs::path folder = output_folder(context_, "rows", identity);
  const fs::path path = folder / "rows.h5", summary = folder / "prepare.json";
  const StoreLock lock(context_, folder);
  run_on_first_rank(context_, "preparing rows", [&] {
    const Interruptible interruptible(context_);
    const std::optional<std::string> there = data::read_rows_hash(path);
    create_folders(context_.run_folder());
    if (there == identity) {
      log::info("prepare: done, {} is for the same inputs", path.string());
    } else {
      log::info("prepare: {} {}, importing {}", path.string(), there ? "is for other inputs" : "is not there",
                context_.deck.data.dataset);
      const data::Prepared prepared = make_rows();
      create_folders(folder);
      data::write_rows(path, prepared.rows);
      write_file(summary, prepared.summary_json);
      log::info("prepare: {} rows written to {}", prepared.rows.rows.size(), path.string());
    }
    const bool shared = !context_.deck.run.store.empty() && is_there(summary);
    if (shared) write_file(context_.run_folder() / "prepare.json", read_file(summary));
  });
  return path;
}

// Rows keep the complete drawn order of negatives, so that they are the same for any number of them. Own rows bring
// their own.
void Workspace::limit_negatives() {
  if (data::find_dataset(context_.deck.data.dataset).has_ready_rows()) return;
  const auto most = static_cast<std::size_t>(context_.deck.data.negatives);
  for (data::Row& row : rows_->rows) row.negatives.resize(std::min(row.negatives.size(), most));
}

const data::RowFile& Workspace::rows() {
  if (rows_) return *rows_;
  if (context_.line.dry_run) {
    const fs::path path = output_folder(context_, "rows", wanted_rows()) / "rows.h5";
    rows_ = data::read_rows_hash(path) == wanted_rows() ? data::read_rows(path) : make_rows().rows;
  } else {
    const fs::path path = keep_rows();
    parallel::collective_try(*context_.grid.world, [&] { rows_ = data::read_rows(path); });
  }
  limit_negatives();
  return *rows_;
}

ModelChoice Workspace::model_at(const fs::path& path) const {
  ModelChoice choice;
  choice.source = checkpoint::open_model(path, *context_.grid.world);
  choice.title = choice.source->path.string();
  choice.config = choice.source->config;
  // Once for all ranks: hashing reads all files of a large model.
  choice.hash = text_of_first_rank(context_, "hashing a model", [&] {
    checkpoint::check_base(*choice.source);
    return checkpoint::model_hash(*choice.source);
  });
  return choice;
}

const ModelChoice& Workspace::base_model() {
  if (base_model_) return *base_model_;
  const deck::Deck& deck = context_.deck;
  if (!deck.model.path.empty()) {
    base_model_ = model_at(deck.model.path);
    const model::LlamaConfig& config = base_model_->config;
    if (tokenizer().vocab_size() > config.vocab_size)
      throw_input("{}: the model has {} tokens, the tokenizer {}: they do not belong together", base_model_->title,
                  config.vocab_size, tokenizer().vocab_size());
    return *base_model_;
  }
  ModelChoice choice;
  choice.title = fmt::format("random weights ({})", deck.model.size);
  choice.config = random_model_config(deck, tokenizer());
  choice.seed = deck.run.seed;
  choice.hash = random_model_hash(choice.config, choice.seed);
  base_model_ = choice;
  return *base_model_;
}

std::optional<ModelChoice> Workspace::trained_model(const fs::path& stage_folder) const {
  const auto checkpoint = checkpoint::find_model(stage_folder, *context_.grid.world);
  if (!checkpoint) return std::nullopt;
  return model_at(*checkpoint);
}

namespace {
// Places for the adapters that the choice comes with.
template <class T>
void carry_adapters(const ModelChoice& choice, const model::Shard& shard, model::ParameterStore<T>& store) {
  if (!choice.source || !choice.source->adapters.options.exists()) return;
  store.attach_adapters(std::make_shared<model::Adapters<T>>(choice.config, choice.source->adapters.options, shard,
                                                             model::GradientMemory::kNone));
}
}  // namespace

template <class T>
void load_weights(const ModelChoice& choice, model::ParameterStore<T>& store) {
  if (choice.source) {
    checkpoint::load_weights<T>(*choice.source, store);
  } else {
    model::initialize_weights<T>(choice.config, choice.seed, store);
  }
}

template <class T>
std::unique_ptr<model::ParameterStore<T>> load_shard(const ModelChoice& choice, const parallel::ProcessGrid& grid) {
  model::check_tensor_parallel(choice.config, grid.tp->size());
  const model::Shard shard{grid.tp->rank(), grid.tp->size()};
  auto store = std::make_unique<model::ParameterStore<T>>(model::llama_parameters(choice.config, shard), false);
  carry_adapters(choice, shard, *store);
  parallel::collective_try(*grid.world, [&] { load_weights(choice, *store); });
  return store;
}

template <class T>
std::unique_ptr<model::ParameterStore<T>> load_whole(const ModelChoice& choice) {
  auto store = std::make_unique<model::ParameterStore<T>>(model::llama_parameters(choice.config), false);
  load_weights(choice, *store);
  return store;
}

std::string computed_identity(const ModelChoice& choice, const deck::Deck& deck) {
  const model::Precision precision = precision_of(deck);
  return precision == model::Precision::kFp32 ? choice.hash : fmt::format("{} in {}", choice.hash, name_of(precision));
}

#define RECPO_INSTANTIATE(T)                                                                                          \
  template void load_weights<T>(const ModelChoice&, model::ParameterStore<T>&);                                       \
  template std::unique_ptr<model::ParameterStore<T>> load_shard<T>(const ModelChoice&, const parallel::ProcessGrid&); \
  template std::unique_ptr<model::ParameterStore<T>> load_whole<T>(const ModelChoice&);
RECPO_FOR_EACH_STORAGE_TYPE(RECPO_INSTANTIATE)
#undef RECPO_INSTANTIATE

namespace {

// The deck's shape keys written over the named shape, as config.json.
nlohmann::json shape_json(const deck::Deck& deck, std::int64_t vocab_size, std::int32_t begin_id, std::int32_t end_id) {
  deck::ShapeOptions shape = deck.model.shape;
  nlohmann::json json = nlohmann::json::parse(model::to_json(model::named_config(deck.model.size)));
  if (shape.hidden_size || shape.num_attention_heads) json.erase("head_dim");
  json["vocab_size"] = vocab_size;
  Keys keys;
  shape.declare(keys);
  for (const Key& key : keys.all())
    if (const auto value = value_text(key)) json[key.name] = nlohmann::json::parse(*value);
  const auto id_or_null = [](std::int32_t id) { return id < 0 ? nlohmann::json() : nlohmann::json(id); };
  json["bos_token_id"] = id_or_null(begin_id);
  json["eos_token_id"] = id_or_null(end_id);
  return json;
}

model::LlamaConfig parse_shape(const nlohmann::json& json) {
  try {
    return model::parse_config(json.dump(), "deck, [model]");
  } catch (const Error& error) {  // the values are the deck's, no file's
    throw_usage("{}", error.what());
  }
}

}  // namespace

model::LlamaConfig random_model_config(const deck::Deck& deck, const text::Tokenizer& tokenizer) {
  const std::optional<std::int64_t> given = deck.model.shape.vocab_size;
  if (given && *given < tokenizer.vocab_size())
    throw_usage("{} = {} is smaller than the tokenizer's {} tokens; leave it out", where(deck, "model.vocab_size"),
                *given, tokenizer.vocab_size());
  return parse_shape(shape_json(deck, tokenizer.vocab_size(), tokenizer.begin_id(), tokenizer.end_id()));
}

model::LlamaConfig random_model_shape(const deck::Deck& deck, std::int64_t vocab_size) {
  const std::int64_t named = model::named_config(deck.model.size).vocab_size;
  return parse_shape(shape_json(deck, named > 0 ? named : vocab_size, -1, -1));
}

std::string random_model_hash(const model::LlamaConfig& config, std::uint64_t seed) {
  return sha256_hex(fmt::format("random weights\n{}\n{}", seed, model::to_json(config)));
}

}  // namespace recpo::commands
