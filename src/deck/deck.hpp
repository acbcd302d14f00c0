#pragma once
// The input deck: every key with its value, read from TOML, overridden from the command line, printed with its origin.
// Keys are declared next to the members they stand for, here and in the options.hpp of the layers below. A deck names
// only what it changes; an unknown key is an error that names the nearest known one.

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "src/baselines/options.hpp"
#include "src/data/options.hpp"
#include "src/deck/deck_entries.hpp"
#include "src/evaluation/options.hpp"
#include "src/model/config.hpp"
#include "src/model/options.hpp"
#include "src/objective/options.hpp"
#include "src/optim/options.hpp"
#include "src/train/options.hpp"

namespace recpo::deck {

struct RunOptions {
  std::string dir = "runs/ml100k";
  std::uint64_t seed = 1;
  double watchdog_seconds = 600;
  std::int64_t max_bad_steps = 3;
  std::string store;
  double lock_wait = 30;
  std::vector<std::string> stages = {"prepare", "evaluate-base", "sft", "evaluate-sft", "align", "evaluate", "report"};

  void declare(Keys& key) {
    key("dir", dir, "folder of all outputs").path();
    key("seed", seed, "random seed: every draw is a function of it, its use and the row or step")
        .affects(changes::kEverything);
    key("watchdog_seconds", watchdog_seconds, "a rank without progress for this long ends the job (exit code 86)")
        .unit("s")
        .above(0);
    key("lock_wait", lock_wait, "how long to wait for another program that uses the same run.dir (then exit code 73)")
        .unit("s")
        .at_least(0);
    key("max_bad_steps", max_bad_steps, "steps with a non-finite loss or gradient skipped before the run stops (76)")
        .at_least(0);
    key("store", store, "folder in which runs share rows, models and metrics by the hash of their inputs; \"\" = dir")
        .path();
    std::vector<std::string> known = RunOptions{}.stages;
    known.emplace_back("baseline");
    key("stages", stages, "what `run` does, in order").one_of(known);
  }
  bool has_stage(std::string_view stage) const { return std::ranges::find(stages, stage) != stages.end(); }
};

enum class Titles : std::uint8_t { kSubword, kToken };
constexpr auto names_of(Titles) { return std::array{"subword", "token"}; }

struct TokenizerOptions {
  std::string path;
  std::int64_t train_vocab = 0;
  Titles titles = Titles::kSubword;

  void declare(Keys& key) {
    key("path", path, "tokenizer.json or Meta's tokenizer.model; \"\" = the model folder's").path();
    key("train_vocab", train_vocab, "if > 0, learn a byte-level BPE of at most this size from the training rows")
        .unit("tokens")
        .at_least(0);
    key("titles", titles, "titles in a learned tokenizer: several tokens, or one each on top of train_vocab");
  }
};

// Keys of config.json that a deck gives for random weights, over those of the named size.
struct ShapeOptions {
  std::optional<std::int64_t> vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads,
      num_key_value_heads, head_dim, max_position_embeddings;
  std::optional<double> rms_norm_eps, rope_theta, initializer_range;
  std::optional<bool> tie_word_embeddings;

  void declare(Keys& key) {
    key("vocab_size", vocab_size, "random weights: size of the vocabulary; left out: the tokenizer's").at_least(1);
    key("hidden_size", hidden_size, "random weights: width of the residual stream").at_least(1);
    key("intermediate_size", intermediate_size, "random weights: width of the SwiGLU").at_least(1);
    key("num_hidden_layers", num_hidden_layers, "random weights: decoder layers").at_least(1);
    key("num_attention_heads", num_attention_heads, "random weights: query heads").at_least(1);
    key("num_key_value_heads", num_key_value_heads, "random weights: key and value heads").at_least(1);
    key("head_dim", head_dim, "random weights: width of a head; left out: hidden_size / num_attention_heads")
        .at_least(1);
    key("max_position_embeddings", max_position_embeddings, "random weights: longest sequence")
        .unit("tokens")
        .at_least(1);
    key("rms_norm_eps", rms_norm_eps, "random weights: epsilon of the norms").above(0);
    key("rope_theta", rope_theta, "random weights: base of the rotary embeddings").above(0);
    key("initializer_range", initializer_range, "random weights: standard deviation").at_least(0);
    key("tie_word_embeddings", tie_word_embeddings, "random weights: one matrix for embedding and head");
  }
};

struct ModelOptions {
  std::string path, size = "tiny";
  ShapeOptions shape;
  std::int64_t max_tokens = 768;
  model::Precision precision = model::Precision::kAuto;
  model::Recompute recompute = model::Recompute::kNone;
  model::LoraOptions lora;

  void declare(Keys& key) {
    key("path", path, "Hugging Face folder or native checkpoint; \"\" = random weights").path();
    key("size", size, "shape of random weights, changed by the keys of config.json below").one_of(model::named_sizes());
    key("max_tokens", max_tokens, "longest prompt with its longest answer and the end token")
        .unit("tokens")
        .at_least(8);
    key("precision", precision, "auto is bf16 on a GPU, fp32 on the CPU");
    key("recompute", recompute, "activations recomputed in the backward pass").affects(changes::kNothing);
    shape.declare(key);
    key.section("model.lora", changes::kTraining);
    lora.declare(key);
  }
};

struct SweepOptions {
  std::string name;
  std::vector<std::string> decks, axes;

  void declare(Keys& key) {
    key("name", name, "begins the names of this deck's cells; \"\" = its file name where another sweep names it");
    key("decks", decks, "decks that `recpo sweep` runs; [] = this one").path();
    key("axes", axes,
        "every combination: \"section.key = value | value\", \"FILE.toml = PART | PART\" (parts of decks)");
  }
};

struct PlanOptions {
  std::int64_t prompt_tokens = 1024, answer_tokens = 12;

  void declare(Keys& key) {
    key("prompt_tokens", prompt_tokens, "`recpo plan` without rows: length of a prompt").unit("tokens").at_least(1);
    key("answer_tokens", answer_tokens, "`recpo plan` without rows: length of an answer with its end token")
        .unit("tokens")
        .at_least(1);
  }
};

struct ReportOptions {
  std::string note;

  void declare(Keys& key) {
    key("note", note, "a sentence for readers of a report, on top of what it says of this run");
  }
};

// The models that align.reference names; any other text is the path of one.
enum class Reference : std::uint8_t { kSft, kBase };
constexpr auto names_of(Reference) { return std::array{"sft", "base"}; }

struct Deck {
  RunOptions run;
  train::ParallelOptions parallel;
  data::DataOptions data;
  data::PromptOptions prompt;
  TokenizerOptions tokenizer;
  ModelOptions model;
  optim::OptimizerOptions optimizer;
  train::StageOptions sft{.epochs = 5}, align{.epochs = 3};
  bool sft_longer = false;                // key of [sft]
  objective::ObjectiveOptions objective;  // keys of [align]
  std::string reference = "sft";          // key of [align]
  evaluation::EvaluationOptions evaluate;
  PlanOptions plan;
  baselines::BaselineOptions baseline;
  train::ValidationOptions validate;
  train::CheckpointOptions checkpoint;
  train::LogOptions log;
  ReportOptions report;
  SweepOptions sweep;

  // Sections in the order of a printed deck, with what their keys change unless they say otherwise.
  void declare(Keys& key) {
    key.section("run", changes::kNothing), run.declare(key);
    key.section("parallel", changes::kNothing), parallel.declare(key);
    key.section("data", changes::kRows), data.declare(key);
    key.section("prompt", changes::kModel), prompt.declare(key);
    key.section("tokenizer", changes::kModel), tokenizer.declare(key);
    key.section("model", changes::kModel), model.declare(key);
    key.section("optimizer", changes::kTraining), optimizer.declare(key);
    key.section("sft", changes::kSft), sft.declare(key, "rows");
    key("longer", sft_longer, "train on as many rows more as [align] would see: the budget of an aligned model");
    key.section("align", changes::kAlign), objective.declare(key), align.declare(key, "preference sets");
    key("reference", reference, "frozen reference model: sft | base | path of a model");
    key.section("validate", changes::kTraining), validate.declare(key);
    key.section("evaluate", changes::kEvaluation), evaluate.declare(key);
    key.section("plan", changes::kNothing), plan.declare(key);
    key.section("baseline", changes::kBaseline), baseline.declare(key);
    key.section("checkpoint", changes::kNothing), checkpoint.declare(key);
    key.section("log", changes::kNothing), log.declare(key);
    key.section("report", changes::kNothing), report.declare(key);
    key.section("sweep", changes::kNothing), sweep.declare(key);
  }

  const train::StageOptions& stage(train::StageKind kind) const { return kind == train::StageKind::kSft ? sft : align; }

  std::map<std::string, std::string> origins;  // "section.key" -> "deck.toml:12" | "command line"; absent: default
};

// Reads `path` (empty: defaults) with the decks it includes, then overrides "section.key=value". Relative paths in a
// deck become absolute by that deck's folder, relative defaults by that of `path`, those of overrides by the current
// folder. Throws kUsage naming file, line, key and the nearest known key or the valid range.
Deck read_deck(const std::filesystem::path& path, const std::vector<std::string>& overrides);
Deck read_deck_with(const std::filesystem::path& path, const std::vector<DeckEntry>& overrides);
std::vector<DeckEntry> parse_overrides(const std::vector<std::string>& overrides);

// The same from text; `name` appears in errors and origins, `folder` is where relative paths begin ("": the current
// one; they stay relative).
Deck read_deck_text(std::string_view text, const std::string& name, const std::filesystem::path& folder,
                    const std::vector<std::string>& overrides);

// Every key with value, unit and origin (default | file:line | command line), as a TOML deck that reads back equal.
std::string print_deck(const Deck& deck);

// inputs/reference.toml: every key with its default and its meaning.
std::string reference_deck();

// A deck for a user to go on with: the keys that are not at their defaults and those `always` named, each with its
// comment in `comments`, else with its meaning.
std::string write_deck(const Deck& deck, const std::map<std::string, std::string>& comments,
                       const std::set<std::string>& always);

// The keys that change any of these (sum of recpo::changes) with their values: what identities are made of. Settings
// of adapters count where there are adapters, those of validation where it selects a stage's model.
std::string settings_text(const Deck& deck, unsigned changed);

// Every key of some sections as a JSON object, {"run.seed": 1, "align.lambda": 2.0, ..}, and those that rows depend on
// wherever they are. Those of validation only where it selects a stage's model.
std::string settings_json(const Deck& deck, const std::vector<std::string>& sections);

// "deck.toml:12: data.negatives" or "data.negatives (default)": how messages name a key.
std::string where(const Deck& deck, const std::string& key);

}  // namespace recpo::deck
