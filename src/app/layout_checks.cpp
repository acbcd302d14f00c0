#include "src/app/layout_checks.hpp"

#include <algorithm>

#include "src/app/random_model.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/model/tensor_parallel.hpp"
#include "src/support/check.hpp"

namespace recpo::app {
namespace {

constexpr std::int64_t kSomeVocabulary = 1 << 20;  // not known before the tokenizer, and never the narrowest part

bool runs_stage(const std::string& command, const Deck& deck, const std::string& stage) {
  const bool is_run = command.empty() || command == "run";
  const auto& stages = deck.run.stages;
  return command == stage || (is_run && std::find(stages.begin(), stages.end(), stage) != stages.end());
}

void check_batch(const Deck& deck, const char* stage, std::int64_t global_batch, int ranks) {
  if (ranks <= global_batch) return;
  const std::string key = std::string(stage) + ".global_batch";
  throw_usage("{} = {} cannot be shared by {} data-parallel ranks: use at most {} ranks or a larger batch",
              where(deck, key), global_batch, ranks, global_batch);
}

}  // namespace

void check_layout(const std::string& command, const Deck& deck, const parallel::ProcessGrid& grid) {
  if (runs_stage(command, deck, "sft")) check_batch(deck, "sft", deck.sft.global_batch, grid.dp->size());
  if (runs_stage(command, deck, "align")) check_batch(deck, "align", deck.align.global_batch, grid.dp->size());
  const bool uses_model = command.empty() || command == "run" || command == "sft" || command == "align" ||
                          command == "evaluate" || command == "reference";
  if (!uses_model || grid.tp->size() == 1) return;
  const model::LlamaConfig config = deck.model.path.empty() ? random_model_shape(deck, kSomeVocabulary)
                                                            : checkpoint::open_model(deck.model.path).config;
  model::check_tensor_parallel(config, grid.tp->size());
}

}  // namespace recpo::app
