#include <unistd.h>

#include <algorithm>

#include "src/commands/commands.hpp"
#include "src/commands/plan_table.hpp"
#include "src/plan/node.hpp"
#include "src/support/check.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"
#include "src/support/units.hpp"
#include "src/train/samples.hpp"
#include "src/train/step_shape.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;

// What a tree of a stage is called.
const char* samples_of(StageKind stage) { return stage == StageKind::kSft ? "rows" : "sets"; }

// The deck's layout on so many ranks, as far as tp divides them (tp x dp <= ranks).
plan::Layout deck_layout(const deck::Deck& deck, StageKind stage, model::Precision precision, int ranks) {
  plan::Layout layout;
  layout.tp = static_cast<int>(std::min<std::int64_t>(deck.parallel.tp, ranks));
  layout.dp = ranks / layout.tp;
  layout.zero = static_cast<int>(deck.parallel.zero);
  layout.recompute = deck.model.recompute;
  layout.sequence_parallel = deck.parallel.sequence_parallel;
  layout.micro_batch_tokens = deck.stage(stage).micro_batch_tokens;
  layout.reduction_leaves = deck.parallel.reduction_leaves;
  layout.lora = deck.model.lora;
  layout.precision = plan::training_precision(precision, deck.optimizer.moments);
  return layout;
}

// The trees that a step of a stage computes: of the rows, or (rows = nullptr) of [plan]'s lengths. Throws kBadInput
// where the rows have none for the stage.
plan::Workload stage_workload(const deck::Deck& deck, StageKind stage, const model::LlamaConfig& config,
                              const data::RowFile* rows) {
  const std::int64_t batch = deck.stage(stage).global_batch;
  plan::Workload workload;
  if (rows == nullptr) {
    const std::int64_t answers = stage == StageKind::kSft ? 1 : 1 + deck.data.negatives;
    workload = plan::workload_of(config, deck.plan.prompt_tokens, deck.plan.answer_tokens, answers, batch);
    const std::int64_t branches = deck.data.candidates * (deck.plan.answer_tokens - 1);
    for (std::int64_t i = 0; deck.validate.exists() && i < std::max<std::int64_t>(1, deck.validate.rows); ++i)
      workload.validation.add(deck.plan.prompt_tokens + branches, deck.data.candidates, deck.plan.prompt_tokens);
    return workload;
  }
  const train::SampleSet set = train::stage_samples(stage, deck.objective, *rows);
  workload = plan::workload_of(config, set.samples, batch);
  workload.validation = train::trees_shape(validation_rows(deck, *rows));
  return workload;
}

// That of --node, or this machine. Throws kUsage where the deck names another precision than the node's.
plan::Node node_of(const Context& context) {
  if (context.line.node.empty()) return plan::measured_node(context.grid, precision_of(context.deck));
  plan::Node node = plan::read_node_file(context.line.node);
  const model::Precision asked = context.deck.model.precision;
  if (asked != model::Precision::kAuto && asked != node.precision)
    throw_usage("{} = {}, but the peak of node \"{}\" is for {}: use auto or {}",
                where(context.deck, "model.precision"), name_of(asked), node.name, name_of(node.precision),
                name_of(node.precision));
  return node;
}

model::LlamaConfig model_of(const deck::Deck& deck) {
  if (!deck.model.path.empty()) return checkpoint::open_model(deck.model.path).config;
  return random_model_shape(deck, model::named_config(deck.model.size).vocab_size);
}

StageKind training_stage(const deck::Deck& deck) {
  for (const StageKind stage : {StageKind::kAlign, StageKind::kSft})
    if (deck.run.has_stage(name_of(stage))) return stage;
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
  return fmt::format("{:<8}{}: {} rank{} with {:.1f} of {:.1f} GiB each, {} peak {:.4g} TFLOP/s, memory {:.4g} GB/s\n",
                     "node", node.name, node.ranks, node.ranks == 1 ? "" : "s", node.usable_memory() / kGibi,
                     node.memory / kGibi, name_of(node.precision), node.peak_flops / 1e12, node.memory_bandwidth / 1e9);
}

}  // namespace

void plan_layouts(Workspace& workspace) {
  const Context& context = workspace.context();
  const deck::Deck& deck = context.deck;
  const StageKind stage = training_stage(deck);
  const plan::Node node = node_of(context);
  const model::LlamaConfig config = model_of(deck);

  CommandLine line = context.line;
  line.dry_run = true;  // rows are made in memory, nothing is written
  const Context dry{line, deck, context.grid, context.watchdog, context.clock};
  Workspace rows_only(dry);
  const data::RowFile* rows = rows_of(rows_only);
  const plan::Workload workload = stage_workload(deck, stage, config, rows);

  run_on_first_rank(context, "planning", [&] {
    const char* samples = samples_of(stage);
    std::string text = node_text(node);
    text += fmt::format("{:<8}{:.4g} M parameters\n", "model", static_cast<double>(config.num_parameters()) / 1e6);
    text += fmt::format("{:<8}{} of {} {}, {} tokens, longest {}, {:.4g} TFLOP a step\n", "stage", name_of(stage),
                        workload.trees.size(), samples, workload.tokens(), workload.longest,
                        (1 + train::backward_passes(deck.model.lora.exists())) * workload.forward_flops() / 1e12);
    if (rows == nullptr)
      text +=
          fmt::format("{:<8}not there: taking prompts of plan.prompt_tokens = {}, answers of plan.answer_tokens = {}\n",
                      "rows", deck.plan.prompt_tokens, deck.plan.answer_tokens);
    text += layouts_text(config, workload, deck_layout(deck, stage, node.precision, node.ranks), node, samples);
    print_result(context, text);
  });
}

namespace {

std::string bytes_line(const char* name, std::int64_t bytes) {
  return fmt::format("    {:<16}{:>10}\n", name, format_bytes(bytes));
}

std::string rows_text(const data::RowFile& rows) {
  std::vector<std::string> parts;
  for (const data::Split split : {data::Split::kTrain, data::Split::kValid, data::Split::kTest, data::Split::kAdherence,
                                  data::Split::kAvoidance}) {
    parts.push_back(fmt::format("{} {}", name_of(split), rows.of_split(split).size()));
  }
  return fmt::format("{:<12}{}\n", "rows", fmt::join(parts, ", "));
}

// Memory by kind and comm_bytes by axis, a line each.
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

std::string stage_text(const deck::Deck& deck, StageKind stage, const data::RowFile& rows,
                       const plan::Workload& workload, const plan::Plan& plan, const plan::Node* node) {
  const auto samples = static_cast<std::int64_t>(train::stage_samples(stage, deck.objective, rows).samples.size());
  const char* unit = samples_of(stage);
  return fmt::format("{:<12}{} steps of {} {} ({} {}, longest {} tokens)\n", name_of(stage),
                     train::total_steps(stage_options(deck, rows, stage), samples), workload.trees.size(), unit,
                     samples, unit, workload.longest) +
         layout_text(plan) + (node != nullptr ? time_text(plan, workload, *node) : "");
}

std::string too_large_text(StageKind stage, const plan::Plan& plan, const plan::Node& node) {
  const std::int64_t needed = plan.memory.total();
  if (static_cast<double>(needed) <= node.usable_memory()) return "";
  return fmt::format("{} needs {} a rank, {} has {}: see recpo plan for layouts that fit", name_of(stage),
                     format_bytes(needed), node.name, format_bytes(node.usable_memory()));
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

// Outputs, ranks, model, rows, and each training stage on the ranks that run.
struct DryRun {
  std::string text;
  std::string too_large;              // what does not fit into a rank's memory, and where; empty: everything fits
  std::int64_t checkpoint_bytes = 0;  // that the run folder holds at most
};
DryRun plan_dry_run(Workspace& workspace) {
  const Context& context = workspace.context();
  const deck::Deck& deck = context.deck;
  const ModelChoice& base = workspace.base_model();
  std::optional<plan::Node> node;  // without one there is no time to expect
  if (!context.line.node.empty() || plan::node_can_be_measured()) node = node_of(context);
  const model::Precision precision = context.line.node.empty() ? precision_of(deck) : node->precision;
  DryRun result;
  std::string& text = result.text;
  text += fmt::format("{:<12}{}\n", "outputs", deck.run.dir);
  text += fmt::format("{:<12}{}\n", "stages", fmt::join(deck.run.stages, ", "));
  text += fmt::format("{:<12}tp {} x dp {}, zero {}, recompute {}\n", "ranks", context.grid.tp->size(),
                      context.grid.dp->size(), deck.parallel.zero, name_of(deck.model.recompute));
  text += fmt::format("{:<12}{}, {:.4g} M parameters, {} layers, hidden {}, vocabulary {}, {}\n", "model", base.title,
                      static_cast<double>(base.config.num_parameters()) / 1e6, base.config.num_hidden_layers,
                      base.config.hidden_size, base.config.vocab_size, name_of(precision));
  const data::RowFile& rows = workspace.rows();
  text += rows_text(rows);
  std::int64_t largest = 0;
  for (const StageKind stage : {StageKind::kSft, StageKind::kAlign}) {
    if (!deck.run.has_stage(name_of(stage))) continue;
    const plan::Workload workload = stage_workload(deck, stage, base.config, &rows);
    const plan::Layout layout = deck_layout(deck, stage, precision, context.grid.world->size());
    const plan::Plan plan = plan::plan_layout(base.config, workload, layout, node.value_or(plan::Node{}));
    text += stage_text(deck, stage, rows, workload, plan, node ? &*node : nullptr);
    if (node && result.too_large.empty()) result.too_large = too_large_text(stage, plan, *node);
    const std::int64_t bytes = checkpoint_bytes(base.config, layout);
    result.checkpoint_bytes += (deck.checkpoint.keep + (deck.validate.keep_best ? 1 : 0)) * bytes;
    largest = std::max(largest, bytes);
  }
  result.checkpoint_bytes += largest;  // of the one that is being written
  const BaselinePlan baseline = plan_baseline(workspace);
  text += baseline.text;
  result.checkpoint_bytes += baseline.checkpoint_bytes;
  return result;
}

// The folder itself, or the one in which it would be made.
fs::path existing_part(const fs::path& folder) {
  fs::path existing = fs::absolute(folder);
  while (!seems_there(existing) && existing.has_relative_path()) existing = existing.parent_path();
  return existing;
}

void check_writable(const fs::path& folder) {
  const fs::path existing = existing_part(folder);
  if (!is_folder(existing)) throw_write("run.dir {}: {} is not a folder", folder.string(), existing.string());
  if (::access(existing.c_str(), W_OK | X_OK) != 0)
    throw_write("run.dir {}: {} cannot be written", folder.string(), existing.string());
}

std::int64_t bytes_in(const fs::path& folder) {
  std::error_code ignored;
  std::int64_t bytes = 0;
  for (const fs::path& path : list_tree(folder)) {
    const std::uintmax_t size = fs::file_size(path, ignored);
    if (!ignored) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

// What stands there already is replaced on the way.
std::string disk_text(const Context& context, std::int64_t needed) {
  const fs::path folder = context.run_folder();
  const auto free = static_cast<std::int64_t>(fs::space(existing_part(folder)).available);
  const std::int64_t more = std::max<std::int64_t>(0, needed - bytes_in(folder / "checkpoints"));
  if (more > free)
    throw_write(
        "run.dir {}: checkpoints need {} (checkpoint.keep = {} of each stage{} and the one being written), {} are "
        "free: lower checkpoint.keep or choose another run.dir",
        folder.string(), format_bytes(needed), context.deck.checkpoint.keep,
        context.deck.validate.keep_best ? ", the best" : "", format_bytes(free));
  return fmt::format("{:<12}checkpoints take {} at most, {} are free\n", "disk", format_bytes(needed),
                     format_bytes(free));
}

}  // namespace

void dry_run(Workspace& workspace) {
  const Context& context = workspace.context();
  check_writable(context.run_folder());
  const DryRun plan = plan_dry_run(workspace);
  run_on_first_rank(context, "printing the plan", [&] {
    print_result(context, plan.text + disk_text(context, plan.checkpoint_bytes));
    if (!plan.too_large.empty()) throw_usage("memory: {}", plan.too_large);
  });
}

}  // namespace recpo::commands
