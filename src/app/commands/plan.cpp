#include "src/app/plan.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "src/app/commands/commands.hpp"
#include "src/app/node_file.hpp"
#include "src/app/random_model.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/plan/measure.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/train/flops.hpp"

namespace recpo::app {
namespace {

model::LlamaConfig model_of(const Deck& deck) {
  if (!deck.model.path.empty()) return checkpoint::open_model(deck.model.path).config;
  return random_model_shape(deck, model::named_config(deck.model.size).vocab_size);
}

std::string training_stage(const Deck& deck) {
  for (const char* stage : {"align", "sft"}) {
    if (std::find(deck.run.stages.begin(), deck.run.stages.end(), stage) != deck.run.stages.end()) return stage;
  }
  throw_usage("{} has no stage to plan: name sft or align", where(deck, "run.stages"));
}

// The deck's rows as a dry run makes them; nullptr where they cannot be made.
const data::RowFile* rows_of(Workspace& workspace) {
  try {
    return &workspace.rows();
  } catch (const Error& error) {
    if (error.code() != ExitCode::kUsage && error.code() != ExitCode::kBadInput) throw;
    return nullptr;
  }
}

std::string node_text(const plan::Node& node) {
  constexpr double kGibi = 1024.0 * 1024 * 1024;
  return fmt::format("{:<8}{}: {} rank{} with {:.1f} of {:.1f} GiB each, {} peak {:.4g} TFLOP/s, memory {:.4g} GB/s\n",
                     "node", node.name, node.ranks, node.ranks == 1 ? "" : "s", node.usable_memory() / kGibi,
                     node.memory / kGibi, node.precision, node.peak_flops / 1e12, node.memory_bandwidth / 1e9);
}

}  // namespace

void plan_layouts(Workspace& workspace) {
  const Context& context = workspace.context();
  const Deck& deck = context.deck;
  const std::string stage = training_stage(deck);
  const plan::Node node = node_of(context);
  const model::LlamaConfig config = model_of(deck);

  CommandLine line = context.line;
  line.dry_run = true;  // rows are made in memory, nothing is written
  const Context dry{line, deck, context.grid, context.watchdog, context.clock};
  Workspace rows_only(dry);
  const data::RowFile* rows = rows_of(rows_only);
  const plan::Workload workload = stage_workload(deck, stage, config, rows);

  run_on_first_rank(context, "planning", [&] {
    const char* samples = stage == "sft" ? "rows" : "sets";
    std::string text = node_text(node);
    text += fmt::format("{:<8}{:.4g} M parameters\n", "model", static_cast<double>(config.num_parameters()) / 1e6);
    text += fmt::format("{:<8}{} of {} {}, {} tokens, longest {}, {:.4g} TFLOP a step\n", "stage", stage,
                        workload.trees.size(), samples, workload.tokens(), workload.longest,
                        (1 + train::backward_passes(deck.model.lora.exists())) * workload.forward_flops() / 1e12);
    if (rows == nullptr) {
      text +=
          fmt::format("{:<8}not there: taking prompts of plan.prompt_tokens = {}, answers of plan.answer_tokens = {}\n",
                      "rows", deck.plan.prompt_tokens, deck.plan.answer_tokens);
    }
    text += layouts_text(config, workload, deck_layout(deck, stage, node.precision, node.ranks), node, samples);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  });
}

}  // namespace recpo::app
