#include "src/app/plan.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>

#include "src/support/log.hpp"
#include "src/train/leaves.hpp"
#include "src/train/samples.hpp"

namespace recpo::app {
namespace {

constexpr std::int64_t kBytes = sizeof(float);

// Tokens of the largest micro-batch a rank can meet: the trainer packs whole trees of a leaf.
std::int64_t micro_batch_tokens(const train::StageOptions& options, const train::LeafPlan& leaves,
                                std::int64_t longest) {
  std::int64_t leaf_rows = 1;
  for (int leaf = leaves.first; leaf < leaves.last; ++leaf) {
    leaf_rows = std::max(leaf_rows, leaves.end(leaf) - leaves.begin(leaf));
  }
  return std::max(longest, std::min(options.micro_batch_tokens, leaf_rows * longest));
}

// Floats a block keeps for the backward pass: input, three normed or mixed streams, q|k|v, attended, gate|up and their
// product; then the gradients and the logits of one chunk.
std::int64_t activation_bytes(const model::LlamaConfig& c, std::int64_t tokens) {
  constexpr std::int64_t kLogitRows = 512;  // LlamaCapacity::logit_rows
  const std::int64_t block =
      4 * c.hidden_size + 2 * c.query_width() + 2 * c.key_value_width() + 3 * c.intermediate_size;
  const std::int64_t flowing = 4 * c.hidden_size + 2 * c.query_width() + 2 * c.key_value_width() + c.intermediate_size;
  const std::int64_t logits = std::min(kLogitRows, tokens) * (c.vocab_size + 4 * c.hidden_size);
  return kBytes * (tokens * (c.num_hidden_layers * block + flowing) + logits);
}

}  // namespace

StagePlan plan_stage(const Context& context, const std::string& name, const data::RowFile& rows,
                     const model::LlamaConfig& config) {
  const bool is_sft = name == "sft";
  const train::StageOptions& options = is_sft ? context.deck.sft : context.deck.align;
  const train::SampleSet set =
      is_sft ? train::training_samples(rows, 0) : train::training_samples(rows, train::kAllNegatives, 1);
  const parallel::Communicator& dp = *context.grid.dp;
  const train::LeafPlan leaves =
      train::plan_leaves(options.global_batch, context.deck.parallel.reduction_leaves, dp.size(), dp.rank());

  StagePlan plan;
  plan.name = name;
  plan.unit = is_sft ? "rows" : "sets";
  plan.samples = static_cast<std::int64_t>(set.samples.size());
  plan.steps = train::total_steps(options, plan.samples);
  plan.global_batch = options.global_batch;
  for (const train::Sample& sample : set.samples) plan.longest_tokens = std::max(plan.longest_tokens, sample.tokens());
  const std::int64_t parameters = config.num_parameters() * kBytes;
  plan.memory.weights = plan.memory.gradients = parameters;
  plan.memory.gradient_leaves = parameters * (std::bit_width(static_cast<unsigned>(leaves.last - leaves.first)) - 1);
  plan.memory.moments = 2 * parameters;
  plan.memory.activations = activation_bytes(config, micro_batch_tokens(options, leaves, plan.longest_tokens));
  plan.comm_bytes_dp = 2 * parameters * (dp.size() - 1) / dp.size();
  return plan;
}

namespace {

std::string stage_text(const StagePlan& plan) {
  const auto line = [](const char* name, std::int64_t bytes) {
    return fmt::format("    {:<16}{:>10}\n", name, format_bytes(static_cast<double>(bytes)));
  };
  std::string text = fmt::format("{:<12}{} steps of {} {} ({} {}, longest {} tokens)\n", plan.name, plan.steps,
                                 plan.global_batch, plan.unit, plan.samples, plan.unit, plan.longest_tokens);
  text += "  memory of a rank\n";
  text += line("weights", plan.memory.weights) + line("gradients", plan.memory.gradients) +
          line("gradient leaves", plan.memory.gradient_leaves) + line("moments", plan.memory.moments) +
          line("activations ~", plan.memory.activations) + line("total ~", plan.memory.total());
  text += fmt::format("  sent by a rank in a step: comm_bytes_tp {}, comm_bytes_dp {}\n", plan.comm_bytes_tp,
                      plan.comm_bytes_dp);
  return text;
}

std::string rows_text(const data::RowFile& rows) {
  std::string text = fmt::format("{:<12}", "rows");
  std::vector<std::string> parts;
  for (const data::Split split : {data::Split::kTrain, data::Split::kValid, data::Split::kTest, data::Split::kAdherence,
                                  data::Split::kAvoidance}) {
    parts.push_back(fmt::format("{} {}", data::split_name(split), rows.of_split(split).size()));
  }
  return text + fmt::format("{}\n", fmt::join(parts, ", "));
}

}  // namespace

std::string plan_text(Workspace& workspace) {
  const Context& context = workspace.context();
  const Deck& deck = context.deck;
  const ModelChoice& base = workspace.base_model();
  std::string text = fmt::format("{:<12}{}\n", "outputs", deck.run.dir);
  text += fmt::format("{:<12}{}\n", "stages", fmt::join(deck.run.stages, ", "));
  text += fmt::format("{:<12}tp {} x dp {}, zero {} (states are replicated in this version: equal results)\n", "ranks",
                      context.grid.tp->size(), context.grid.dp->size(), deck.parallel.zero);
  text += fmt::format("{:<12}{}, {:.4g} M parameters, {} layers, hidden {}, vocabulary {}, fp32\n", "model", base.title,
                      static_cast<double>(base.config.num_parameters()) / 1e6, base.config.num_hidden_layers,
                      base.config.hidden_size, base.config.vocab_size);
  const data::RowFile& rows = workspace.rows();
  text += rows_text(rows);
  for (const char* stage : {"sft", "align"}) {
    if (std::find(deck.run.stages.begin(), deck.run.stages.end(), stage) == deck.run.stages.end()) continue;
    text += stage_text(plan_stage(context, stage, rows, base.config));
  }
  return text;
}

}  // namespace recpo::app
