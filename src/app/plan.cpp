#include "src/app/plan.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "src/app/baseline_job.hpp"
#include "src/app/node_file.hpp"
#include "src/app/precision.hpp"
#include "src/plan/measure.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"
#include "src/train/samples.hpp"

namespace recpo::app {
namespace {

bool is_sft(const std::string& stage) { return stage == "sft"; }
const train::StageOptions& stage_options(const Deck& deck, const std::string& stage) {
  return is_sft(stage) ? deck.sft : deck.align;
}

std::string bytes_line(const char* name, std::int64_t bytes) {
  return fmt::format("    {:<16}{:>10}\n", name, format_bytes(static_cast<double>(bytes)));
}

std::string rows_text(const data::RowFile& rows) {
  std::vector<std::string> parts;
  for (const data::Split split : {data::Split::kTrain, data::Split::kValid, data::Split::kTest, data::Split::kAdherence,
                                  data::Split::kAvoidance}) {
    parts.push_back(fmt::format("{} {}", data::split_name(split), rows.of_split(split).size()));
  }
  return fmt::format("{:<12}{}\n", "rows", fmt::join(parts, ", "));
}

std::string stage_text(const Deck& deck, const std::string& stage, const data::RowFile& rows,
                       const plan::Workload& workload, const plan::Plan& plan, const plan::Node* node) {
  const auto samples = static_cast<std::int64_t>(train::stage_samples(stage, deck.objective, rows).samples.size());
  const char* unit = is_sft(stage) ? "rows" : "sets";
  return fmt::format("{:<12}{} steps of {} {} ({} {}, longest {} tokens)\n", stage,
                     train::total_steps(stage_options(deck, stage), samples), workload.trees.size(), unit, samples,
                     unit, workload.longest) +
         layout_text(plan) + (node != nullptr ? time_text(plan, workload, *node) : "");
}

std::string too_large_text(const std::string& stage, const plan::Plan& plan, const plan::Node& node) {
  const auto needed = static_cast<double>(plan.memory.total());
  if (needed <= node.usable_memory()) return "";
  return fmt::format("{} needs {} a rank, {} has {}: see recpo plan for layouts that fit", stage, format_bytes(needed),
                     node.name, format_bytes(node.usable_memory()));
}

// Weights, master weights and moments of all that is trained.
std::int64_t checkpoint_bytes(const model::LlamaConfig& config, const plan::Layout& layout) {
  const plan::Precision& p = layout.precision;
  std::int64_t elements = 0;
  for (const model::Parameter& parameter :
       layout.lora.exists() ? model::adapter_parameters(config, layout.lora) : model::llama_parameters(config)) {
    elements += parameter.global_size();
  }
  return elements * (p.weight + p.master + 2 * p.moment);
}

}  // namespace

plan::Layout deck_layout(const Deck& deck, const std::string& stage, const std::string& precision, int ranks) {
  plan::Layout layout;
  layout.tp = static_cast<int>(std::min<std::int64_t>(deck.parallel.tp, ranks));
  layout.dp = ranks / layout.tp;
  layout.zero = static_cast<int>(deck.parallel.zero);
  layout.recompute = model::parse_recompute(deck.model.recompute);
  layout.sequence_parallel = deck.parallel.sequence_parallel;
  layout.micro_batch_tokens = stage_options(deck, stage).micro_batch_tokens;
  layout.reduction_leaves = deck.parallel.reduction_leaves;
  layout.lora = deck.model.lora;
  layout.precision = plan::training_precision(precision, deck.optimizer.moments);
  return layout;
}

plan::Workload stage_workload(const Deck& deck, const std::string& stage, const model::LlamaConfig& config,
                              const data::RowFile* rows) {
  const std::int64_t batch = stage_options(deck, stage).global_batch;
  if (rows == nullptr) {
    const std::int64_t answers = is_sft(stage) ? 1 : 1 + deck.data.negatives;
    return plan::workload_of(config, deck.plan.prompt_tokens, deck.plan.answer_tokens, answers, batch);
  }
  const train::SampleSet set = train::stage_samples(stage, deck.objective, *rows);
  return plan::workload_of(config, set.samples, batch);
}

std::string layout_text(const plan::Plan& plan) {
  const plan::Memory& memory = plan.memory;
  std::string text = "  memory of a rank\n";
  text += bytes_line("weights", memory.weights);
  if (memory.master > 0) text += bytes_line("master weights", memory.master);
  text += bytes_line("gradients", memory.gradients) + bytes_line("gradient leaves", memory.gradient_leaves) +
          bytes_line("moments", memory.moments) + bytes_line("activations", memory.activations) +
          bytes_line("total", memory.total()) + "  sent by a rank in a step\n";
  const auto axis = [](const char* name, const parallel::Traffic& sent) {
    return fmt::format("    {} {} (all_reduce {}, reduce_scatter {}, all_gather {})\n", name, sent.total(),
                       sent.all_reduce, sent.reduce_scatter, sent.all_gather);
  };
  return text + axis("comm_bytes_tp", plan.sent.tp) + axis("comm_bytes_dp", plan.sent.dp);
}

std::string time_text(const plan::Plan& plan, const plan::Workload& workload, const plan::Node& node) {
  const plan::StepTime& time = plan.time;
  return fmt::format(
      "  expected time of a step {:.3g} s: compute {:.3g}, exposed tp {:.3g}, exposed dp {:.3g}, optimizer {:.3g}\n"
      "    {:.4g} TFLOP, {:.0f} tokens/s, {:.3g} sets/s, {:.0f} % of the peak of {} x {:.3g} TFLOP/s\n",
      time.total(), time.compute, time.tensor, time.data, time.optimizer, plan.flops / 1e12,
      static_cast<double>(workload.tokens()) / time.total(), static_cast<double>(workload.trees.size()) / time.total(),
      100 * plan.fraction_of_peak(node), node.ranks, node.peak_flops / 1e12);
}

plan::Node node_of(const Context& context) {
  if (context.line.node.empty()) return plan::measured_node(context.grid, precision_name(context.deck));
  plan::Node node = read_node_file(context.line.node);
  const std::string& asked = context.deck.model.precision;
  if (asked != "auto" && asked != node.precision) {
    throw_usage("{} = {}, but the peak of node \"{}\" is for {}: use auto or {}",
                where(context.deck, "model.precision"), asked, node.name, node.precision, node.precision);
  }
  return node;
}

DryRun plan_dry_run(Workspace& workspace) {
  const Context& context = workspace.context();
  const Deck& deck = context.deck;
  const ModelChoice& base = workspace.base_model();
  std::optional<plan::Node> node;  // without one there is no time to expect
  if (!context.line.node.empty() || plan::node_can_be_measured()) node = node_of(context);
  const std::string precision = context.line.node.empty() ? precision_name(deck) : node->precision;
  DryRun result;
  std::string& text = result.text;
  text += fmt::format("{:<12}{}\n", "outputs", deck.run.dir);
  text += fmt::format("{:<12}{}\n", "stages", fmt::join(deck.run.stages, ", "));
  text += fmt::format("{:<12}tp {} x dp {}, zero {}, recompute {}\n", "ranks", context.grid.tp->size(),
                      context.grid.dp->size(), deck.parallel.zero, deck.model.recompute);
  text += fmt::format("{:<12}{}, {:.4g} M parameters, {} layers, hidden {}, vocabulary {}, {}\n", "model", base.title,
                      static_cast<double>(base.config.num_parameters()) / 1e6, base.config.num_hidden_layers,
                      base.config.hidden_size, base.config.vocab_size, precision);
  const data::RowFile& rows = workspace.rows();
  text += rows_text(rows);
  std::int64_t largest = 0;
  for (const std::string stage : {"sft", "align"}) {
    if (std::find(deck.run.stages.begin(), deck.run.stages.end(), stage) == deck.run.stages.end()) continue;
    const plan::Workload workload = stage_workload(deck, stage, base.config, &rows);
    const plan::Layout layout = deck_layout(deck, stage, precision, context.grid.world->size());
    const plan::Plan plan = plan::plan_layout(base.config, workload, layout, node.value_or(plan::Node{}));
    text += stage_text(deck, stage, rows, workload, plan, node ? &*node : nullptr);
    if (node && result.too_large.empty()) result.too_large = too_large_text(stage, plan, *node);
    const std::int64_t bytes = checkpoint_bytes(base.config, layout);
    result.checkpoint_bytes += deck.checkpoint.keep * bytes;
    largest = std::max(largest, bytes);
  }
  result.checkpoint_bytes += largest;  // of the one that is being written
  if (asks_for_baseline(context)) {
    const BaselinePlan baseline = plan_baseline(workspace);
    text += baseline.text;
    result.checkpoint_bytes += baseline.checkpoint_bytes;
  }
  return result;
}

}  // namespace recpo::app
