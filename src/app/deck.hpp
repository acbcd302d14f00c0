#pragma once
// The input deck: every key in one registry (deck_keys.hpp: name, default, unit, comment, choices), read from TOML,
// overridden from the command line, printed with its origin. A deck names only what it changes; an unknown key is an
// error that names the nearest known one.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "src/app/input/deck_entries.hpp"
#include "src/baselines/options.hpp"
#include "src/data/options.hpp"
#include "src/evaluation/evaluate.hpp"
#include "src/model/config.hpp"
#include "src/model/lora.hpp"
#include "src/objective/objective.hpp"
#include "src/optim/adamw.hpp"
#include "src/train/options.hpp"

namespace recpo::app {

struct RunOptions {
  std::string dir = "runs/ml100k";
  std::string store;  // "": nothing is shared
  std::uint64_t seed = 1;
  double watchdog_seconds = 600;
  std::int64_t max_bad_steps = 3;
  std::vector<std::string> stages = {"prepare", "evaluate-base", "sft", "evaluate-sft", "align", "evaluate", "report"};
};

struct TokenizerOptions {
  std::string path;
  std::int64_t train_vocab = 0;
};

struct ModelOptions {
  std::string path, size = "tiny";
  std::map<std::string, double> shape;  // keys of config.json given in the deck, for random weights
  std::int64_t max_tokens = 768;
  std::string precision = "auto", recompute = "none";
  model::LoraOptions lora;
};

struct SweepOptions {
  std::vector<std::string> decks;  // none: the deck itself
  std::vector<std::string> axes;   // "section.key = value | value"
};

struct PlanOptions {
  std::int64_t prompt_tokens = 1024, answer_tokens = 12;
};

struct Deck {
  RunOptions run;
  train::ParallelOptions parallel;
  data::DataOptions data;
  data::PromptOptions prompt;
  TokenizerOptions tokenizer;
  ModelOptions model;
  optim::OptimizerOptions optimizer;
  train::StageOptions sft{.epochs = 5}, align{.epochs = 3};
  objective::ObjectiveOptions objective;  // keys of [align]
  std::string reference = "sft";          // [align] reference: sft | base | path of a model
  evaluation::EvaluationOptions evaluate;
  PlanOptions plan;
  baselines::BaselineOptions baseline;
  train::CheckpointOptions checkpoint;
  train::LogOptions log;
  SweepOptions sweep;

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

// The keys of some sections with their values, where they change results: what a stage's identity is made of.
std::string settings_text(const Deck& deck, const std::vector<std::string>& sections);

// Every key of some sections as a JSON object, {"run.seed": 1, "align.lambda": 2.0, ..}, and those that rows depend on
// wherever they stand: run.seed, align.alpha.
std::string settings_json(const Deck& deck, const std::vector<std::string>& sections);

// "deck.toml:12: data.negatives" or "data.negatives (default)": how messages name a key.
std::string where(const Deck& deck, const std::string& key);

}  // namespace recpo::app
