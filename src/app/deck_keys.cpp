#include "src/app/deck_keys.hpp"

#include <algorithm>

#include "src/app/input/nearest_name.hpp"
#include "src/baselines/baseline.hpp"
#include "src/data/prepare.hpp"
#include "src/objective/margin.hpp"
#include "src/support/check.hpp"

namespace recpo::app {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Rule one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }
Rule at_least(double low) { return {.low = low}; }
Rule above(double low) { return {.low = low, .low_open = true}; }
Rule between(double low, double high) { return {.low = low, .high = high}; }
Rule below_one() { return {.low = 0, .high = 1, .high_open = true}; }
Rule path() { return {.path = true}; }
Rule with_equal_results(Rule rule) {
  rule.equal_results = true;
  return rule;
}
Rule whole(double low) { return {.low = low, .high = kInfinity, .whole = true}; }

// The default ones and those that a deck may add.
std::vector<std::string> stage_choices() {
  std::vector<std::string> names = RunOptions{}.stages;
  names.emplace_back("baseline");
  return names;
}

// The member of the deck a key stands for.
#define RECPO_MEMBER(member) [](Deck& deck) -> Field { return &deck.member; }
constexpr auto kShape = [](Deck& deck) -> Field { return ShapeField{&deck.model.shape}; };

std::vector<Key> run_keys() {
  return {
      {"run", "dir", RECPO_MEMBER(run.dir), "folder of all outputs of the run", path()},
      {"run", "seed", RECPO_MEMBER(run.seed), "of every draw"},
      {"run", "watchdog_seconds", RECPO_MEMBER(run.watchdog_seconds),
       "s; a rank without progress for so long ends the job (86)", above(0)},
      {"run", "max_bad_steps", RECPO_MEMBER(run.max_bad_steps), "non-finite steps skipped before the run stops (76)",
       at_least(0)},
      {"run", "store", RECPO_MEMBER(run.store),
       "folder of outputs that several runs share, by the hash of their inputs; \"\" = run.dir", path()},
      {"run", "stages", RECPO_MEMBER(run.stages), "what `recpo run` does, in order", one_of(stage_choices())},
      {"parallel", "tp", RECPO_MEMBER(parallel.tp), "tensor-parallel ranks; data-parallel ranks = world / tp",
       at_least(1)},
      {"parallel", "zero", RECPO_MEMBER(parallel.zero), "0 replicate, 1 shard optimizer states, 2 also gradients",
       between(0, 2)},
      {"parallel", "backend", RECPO_MEMBER(parallel.backend), "auto | serial | mpi | nccl",
       one_of({"auto", "serial", "mpi", "nccl"})},
      {"parallel", "reduction_leaves", RECPO_MEMBER(parallel.reduction_leaves),
       "leaves of the fixed sum of gradients: up to so many ranks give the same bits", at_least(1)},
      {"parallel", "sequence_parallel", RECPO_MEMBER(parallel.sequence_parallel), "norms split over tp"},
  };
}

std::vector<Key> data_keys() {
  return {
      {"data", "dataset", RECPO_MEMBER(data.dataset), fmt::format("{}", fmt::join(data::dataset_names(), " | ")),
       one_of(data::dataset_names())},
      {"data", "path", RECPO_MEMBER(data.path), "folder with the raw files", path()},
      {"data", "train", RECPO_MEMBER(data.train), "dataset = \"rows\": JSONL of ready rows", path()},
      {"data", "valid", RECPO_MEMBER(data.valid), "dataset = \"rows\"", path()},
      {"data", "test", RECPO_MEMBER(data.test), "dataset = \"rows\"", path()},
      {"data", "k_core_users", RECPO_MEMBER(data.k_core_users), "interactions a user must have; 0 = no filter",
       at_least(0)},
      {"data", "k_core_items", RECPO_MEMBER(data.k_core_items), "interactions an item must have; 0 = no filter",
       at_least(0)},
      {"data", "min_history", RECPO_MEMBER(data.min_history), "interactions; shortest prefix that makes a training row",
       at_least(1)},
      {"data", "max_history", RECPO_MEMBER(data.max_history), "most recent interactions shown", at_least(1)},
      {"data", "max_train_rows", RECPO_MEMBER(data.max_train_rows), "rows drawn for training; 0 = all", at_least(0)},
      {"data", "max_eval_rows", RECPO_MEMBER(data.max_eval_rows), "rows evaluated of each split; 0 = all", at_least(0)},
      {"data", "candidates", RECPO_MEMBER(data.candidates), "items a question offers", at_least(2)},
      {"data", "window", RECPO_MEMBER(data.window), "following interactions that may enter a training row's candidates",
       at_least(1)},
      {"data", "negatives", RECPO_MEMBER(data.negatives), "dispreferred answers of a preference set", at_least(1)},
      {"data", "tier", RECPO_MEMBER(data.tier), "filtered | full | filtered+rating | full+rating",
       one_of({"filtered", "full", "filtered+rating", "full+rating"})},
      {"data", "positive", RECPO_MEMBER(data.positive), "best-utility | next-liked",
       one_of({"best-utility", "next-liked"})},
      {"data", "liked_rating", RECPO_MEMBER(data.liked_rating), "smallest rating that counts as liked"},
      {"data", "latency_unit", RECPO_MEMBER(data.latency_unit), "steps | days", one_of({"steps", "days"})},
      {"data", "default_rating", RECPO_MEMBER(data.default_rating), "of an item without feedback", above(0)},
      {"data", "default_latency", RECPO_MEMBER(data.default_latency), "in latency_unit, of an item without feedback",
       above(0)},
      {"data", "title_year", RECPO_MEMBER(data.title_year), "keep \"(1995)\" in titles, or add it from a year column"},
      {"data", "max_title", RECPO_MEMBER(data.max_title), "characters; longer titles are cut; 0 = never", at_least(0)},
      {"data", "max_bad_lines", RECPO_MEMBER(data.max_bad_lines), "share of unreadable lines that stops the import",
       between(0, 1)},
      {"data", "adherence_following", RECPO_MEMBER(data.adherence_following),
       "last interactions that may be candidates of an adherence row", at_least(2)},
      {"data", "adherence_positive", RECPO_MEMBER(data.adherence_positive), "nearest | best-utility",
       one_of({"nearest", "best-utility"})},
      {"synthetic", "seed", RECPO_MEMBER(data.synthetic.seed), "of the world and its users; run.seed changes neither"},
      {"synthetic", "users", RECPO_MEMBER(data.synthetic.users), "number of users", at_least(1)},
      {"synthetic", "types", RECPO_MEMBER(data.synthetic.types), "of users: all of a type have the same taste",
       at_least(1)},
      {"synthetic", "genres", RECPO_MEMBER(data.synthetic.genres), "number of genres; a title names its own",
       at_least(2)},
      {"synthetic", "titles", RECPO_MEMBER(data.synthetic.titles), "of every genre", at_least(1)},
      {"synthetic", "shortest", RECPO_MEMBER(data.synthetic.shortest), "fewest interactions of a user", at_least(1)},
      {"synthetic", "longest", RECPO_MEMBER(data.synthetic.longest), "most interactions of a user", at_least(1)},
      {"synthetic", "eagerness", RECPO_MEMBER(data.synthetic.eagerness),
       "how much sooner what is liked is taken: a point of taste multiplies the rate by e^eagerness", at_least(0)},
      {"synthetic", "rating_noise", RECPO_MEMBER(data.synthetic.rating_noise),
       "share of ratings that are drawn evenly, whatever the taste", between(0, 1)},
      {"prompt", "templates", RECPO_MEMBER(prompt.templates), "file of prompt templates; \"\" = the data set's own",
       path()},
  };
}

std::vector<Key> model_keys() {
  return {
      {"tokenizer", "path", RECPO_MEMBER(tokenizer.path),
       "tokenizer.json | tokenizer.model | \"\" = the model folder's", path()},
      {"tokenizer", "train_vocab", RECPO_MEMBER(tokenizer.train_vocab),
       "tokens; > 0: learn a byte-level BPE of this size from the rows", at_least(0)},
      {"model", "path", RECPO_MEMBER(model.path), "Hugging Face folder | native checkpoint | \"\" = random weights",
       path()},
      {"model", "size", RECPO_MEMBER(model.size),
       "of random weights: tiny | smollm2-135m | llama-3.1-8b | ..., changed by the keys below"},
      {"model", "max_tokens", RECPO_MEMBER(model.max_tokens), "tokens of prompt, longest answer and end token",
       at_least(8)},
      {"model", "precision", RECPO_MEMBER(model.precision), "auto | fp32 | bf16", one_of({"auto", "fp32", "bf16"})},
      {"model", "recompute", RECPO_MEMBER(model.recompute), "none | selective | block",
       one_of({"none", "selective", "block"})},
      {"model", "vocab_size", kShape, "tokens; left out: the tokenizer's", whole(1)},
      {"model", "hidden_size", kShape, "as in config.json", whole(1)},
      {"model", "intermediate_size", kShape, "as in config.json", whole(1)},
      {"model", "num_hidden_layers", kShape, "as in config.json", whole(1)},
      {"model", "num_attention_heads", kShape, "as in config.json", whole(1)},
      {"model", "num_key_value_heads", kShape, "as in config.json", whole(1)},
      {"model", "head_dim", kShape, "left out: hidden_size / num_attention_heads", whole(1)},
      {"model", "max_position_embeddings", kShape, "tokens", whole(1)},
      {"model", "rms_norm_eps", kShape, "as in config.json", above(0)},
      {"model", "rope_theta", kShape, "as in config.json", above(0)},
      {"model", "initializer_range", kShape, "standard deviation of random weights", at_least(0)},
      {"model", "tie_word_embeddings", kShape, "1 = one matrix for embedding and head",
       Rule{.low = 0, .high = 1, .whole = true}},
      {"model.lora", "rank", RECPO_MEMBER(model.lora.rank), "0 = full fine-tuning", at_least(0)},
      {"model.lora", "alpha", RECPO_MEMBER(model.lora.alpha), "scale = alpha / rank", above(0)},
      {"model.lora", "dropout", RECPO_MEMBER(model.lora.dropout), "probability", below_one()},
      {"model.lora", "targets", RECPO_MEMBER(model.lora.targets), "projections that get an adapter",
       one_of(model::LoraOptions{}.targets)},
  };
}

// [sft] and [align] share these.
#define RECPO_STAGE_KEYS(section)                                                                              \
  {#section, "epochs", RECPO_MEMBER(section.epochs), "passes over the training rows", at_least(0)},            \
      {#section, "steps", RECPO_MEMBER(section.steps), "optimizer steps; > 0 overrides epochs", at_least(0)},  \
      {#section, "lr", RECPO_MEMBER(section.lr), "largest rate of this stage; 0 = optimizer.lr", at_least(0)}, \
      {#section, "global_batch", RECPO_MEMBER(section.global_batch), "rows an optimizer step", at_least(1)},   \
      {#section, "micro_batch_tokens", RECPO_MEMBER(section.micro_batch_tokens), "tokens processed at a time", \
       with_equal_results(at_least(1))},                                                                       \
  {                                                                                                            \
#section, "order", RECPO_MEMBER(section.order), "shuffled | file", one_of({"shuffled", "file"})            \
  }

std::vector<Key> training_keys() {
  return {
      {"optimizer", "lr", RECPO_MEMBER(optimizer.lr), "largest learning rate", at_least(0)},
      {"optimizer", "beta1", RECPO_MEMBER(optimizer.beta1), "decay of the first moment", below_one()},
      {"optimizer", "beta2", RECPO_MEMBER(optimizer.beta2), "decay of the second moment", below_one()},
      {"optimizer", "eps", RECPO_MEMBER(optimizer.eps), "added to the bias-corrected root", at_least(0)},
      {"optimizer", "weight_decay", RECPO_MEMBER(optimizer.weight_decay), "decoupled; never on norms", at_least(0)},
      {"optimizer", "schedule", RECPO_MEMBER(optimizer.schedule), "cosine | constant", one_of({"cosine", "constant"})},
      {"optimizer", "warmup_fraction", RECPO_MEMBER(optimizer.warmup_fraction), "share of the steps", between(0, 1)},
      {"optimizer", "clip", RECPO_MEMBER(optimizer.clip), "global gradient norm; 0 = off", at_least(0)},
      {"optimizer", "moments", RECPO_MEMBER(optimizer.moments), "fp32 | bf16", one_of({"fp32", "bf16"})},
      RECPO_STAGE_KEYS(sft),
      {"align", "objective", RECPO_MEMBER(objective.objective), "dpo | simpo | s-dpo | recpo",
       one_of({"dpo", "simpo", "s-dpo", "recpo"})},
      RECPO_STAGE_KEYS(align),
      {"align", "beta", RECPO_MEMBER(objective.beta), "scale of the rewards", above(0)},
      {"align", "lambda", RECPO_MEMBER(objective.lambda), "scale of the margin; 0 gives s-dpo", at_least(0)},
      {"align", "alpha", RECPO_MEMBER(objective.alpha), "exponent of the latency in a utility", at_least(0)},
      {"align", "margin", RECPO_MEMBER(objective.margin), "ratio | log-ratio | log-diff | log-diff-printed",
       one_of(objective::margin_names())},
      {"align", "margin_form", RECPO_MEMBER(objective.margin_form), "pairwise | printed-eq8 | listwise-eq15",
       one_of({"pairwise", "printed-eq8", "listwise-eq15"})},
      {"align", "simpo_margin", RECPO_MEMBER(objective.simpo_margin), "target margin of simpo"},
      {"align", "sft_weight", RECPO_MEMBER(objective.sft_weight), "weight of an SFT loss beside it", at_least(0)},
      {"align", "reference", RECPO_MEMBER(reference), "sft | base | path of a model"},
  };
}

std::vector<Key> evaluation_keys() {
  return {
      {"evaluate", "tests", RECPO_MEMBER(evaluate.tests), "main | adherence | avoidance | history-length",
       one_of({"main", "adherence", "avoidance", "history-length"})},
      {"evaluate", "split", RECPO_MEMBER(evaluate.split), "valid | test", one_of({"valid", "test"})},
      {"evaluate", "match", RECPO_MEMBER(evaluate.match), "exact | contains", one_of({"exact", "contains"})},
      {"evaluate", "batch_tokens", RECPO_MEMBER(evaluate.batch_tokens), "tokens decoded together",
       with_equal_results(at_least(1))},
      {"evaluate", "rank_candidates", RECPO_MEMBER(evaluate.rank_candidates),
       "also score all candidates: HR@k, NDCG@k"},
      {"plan", "prompt_tokens", RECPO_MEMBER(plan.prompt_tokens), "of a prompt, where `recpo plan` has no rows",
       at_least(1)},
      {"plan", "answer_tokens", RECPO_MEMBER(plan.answer_tokens), "of an answer with its end token, likewise",
       at_least(1)},
      {"baseline", "model", RECPO_MEMBER(baseline.model), "gru4rec | caser | sasrec | popularity | random | bayes",
       one_of(baselines::baseline_names())},
      {"baseline", "lr", RECPO_MEMBER(baseline.lr), "learning rate", above(0)},
      {"baseline", "batch", RECPO_MEMBER(baseline.batch), "sequences a step", at_least(1)},
      {"baseline", "hidden", RECPO_MEMBER(baseline.hidden), "width", at_least(1)},
      {"baseline", "blocks", RECPO_MEMBER(baseline.blocks), "attention blocks of sasrec", at_least(1)},
      {"baseline", "dropout", RECPO_MEMBER(baseline.dropout), "probability", below_one()},
      {"baseline", "weight_decay", RECPO_MEMBER(baseline.weight_decay), "L2", at_least(0)},
      {"baseline", "epochs", RECPO_MEMBER(baseline.epochs), "at most", at_least(1)},
      {"baseline", "patience", RECPO_MEMBER(baseline.patience), "epochs without a better validation HR@1", at_least(1)},
      {"checkpoint", "every_steps", RECPO_MEMBER(checkpoint.every_steps), "optimizer steps; 0 = only at the end",
       at_least(0)},
      {"checkpoint", "every_minutes", RECPO_MEMBER(checkpoint.every_minutes), "min; 0 = off", at_least(0)},
      {"checkpoint", "keep", RECPO_MEMBER(checkpoint.keep), "checkpoints kept of a stage", at_least(1)},
      {"log", "every_steps", RECPO_MEMBER(log.every_steps), "optimizer steps", at_least(1)},
      {"log", "tensorboard", RECPO_MEMBER(log.tensorboard), "also write TensorBoard event files"},
      {"sweep", "decks", RECPO_MEMBER(sweep.decks), "decks that `recpo sweep` runs; [] = this one", path()},
      {"sweep", "axes", RECPO_MEMBER(sweep.axes), "\"section.key = value | value\": each deck with each value"},
  };
}
#undef RECPO_MEMBER
#undef RECPO_STAGE_KEYS

std::vector<Key> all_keys() {
  std::vector<Key> keys;
  for (auto part : {run_keys, data_keys, model_keys, training_keys, evaluation_keys}) {
    for (Key& key : part()) keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

const std::vector<Key>& deck_keys() {
  static const std::vector<Key> keys = all_keys();
  return keys;
}

const Key& find_key(const std::string& section, const std::string& name, const std::string& origin) {
  std::vector<std::string> same_name, same_section, all;
  for (const Key& key : deck_keys()) {
    if (key.section == section && key.name == name) return key;
    if (key.name == name) same_name.push_back(key.full_name());
    if (key.section == section) same_section.push_back(key.full_name());
    all.push_back(key.full_name());
  }
  const auto& likely = !same_name.empty() ? same_name : !same_section.empty() ? same_section : all;
  throw_usage("{}: unknown key {}.{}; did you mean {}?", origin, section, name,
              nearest_name(section + "." + name, likely));
}

}  // namespace recpo::app
