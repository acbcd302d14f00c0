#pragma once
// The input deck: every key in one registry (name, default, unit, comment, choices), read from TOML, overridden from
// the command line, printed with its origin. A deck names only what it changes; an unknown key is an error that names
// the nearest known one.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "src/data/options.hpp"
#include "src/evaluation/evaluate.hpp"
#include "src/model/config.hpp"
#include "src/objective/objective.hpp"
#include "src/optim/adamw.hpp"
#include "src/train/options.hpp"

namespace recpo::app {

struct RunOptions {
  std::string dir = "runs/ml100k";
  std::uint64_t seed = 1;
  double watchdog_seconds = 600;
  std::int64_t max_bad_steps = 3;
  std::vector<std::string> stages = {"prepare", "evaluate-base", "sft", "evaluate-sft", "align", "evaluate", "report"};
};

struct ParallelOptions {
  std::int64_t tp = 1, zero = 1;
  std::string backend = "auto";
  bool sequence_parallel = false;
  std::int64_t reduction_leaves = 8;  // fixed partial sums of a global batch: the same bits on up to so many ranks
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
};

struct Deck {
  RunOptions run;
  ParallelOptions parallel;
  data::DataOptions data;
  data::PromptOptions prompt;
  TokenizerOptions tokenizer;
  ModelOptions model;
  optim::OptimizerOptions optimizer;
  train::StageOptions sft, align;
  objective::ObjectiveOptions objective;  // keys of [align]
  std::string reference = "sft";          // [align] reference: sft | base | path
  evaluation::EvaluationOptions evaluate;
  train::CheckpointOptions checkpoint;
  train::LogOptions log;
};

// Reads `path` (empty: defaults), then overrides "section.key=value". Relative paths in the deck become absolute by
// the deck's folder. Throws kUsage naming file, line, key and the nearest known key or the valid range.
Deck read_deck(const std::filesystem::path& path, const std::vector<std::string>& overrides);

// Every key with value, unit and origin (default | file:line | command line), as a TOML deck that reads back equal.
std::string print_deck(const Deck& deck);

}  // namespace recpo::app
