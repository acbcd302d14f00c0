#include <fmt/format.h>

#include <cstdio>

#include "src/app/commands/commands.hpp"
#include "src/app/sweep.hpp"
#include "src/report/report.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;

Command stage_command(const std::string& stage) {
  if (stage == "evaluate-base") return evaluate_base;
  if (stage == "evaluate-sft") return evaluate_sft;
  return find_command(stage);
}

void log_closing_summary(const Context& context) {
  const fs::path folder = context.run_folder();
  const char* result = fs::exists(folder / "evaluation.json") ? "evaluation.json" : "rows.h5";
  log::info("results: {} and what lies beside it", (folder / result).string());
  for (const char* stage : {"align", "sft"}) {
    const fs::path checkpoints = folder / "checkpoints" / stage;
    if (!fs::exists(checkpoints)) continue;
    log::info("next: recpo export --model {} --output FOLDER gives the model to Transformers", checkpoints.string());
    break;
  }
}

}  // namespace

void run_stages(Workspace& workspace, const std::vector<std::string>& stages) {
  const Context& context = workspace.context();
  std::vector<std::string> timings;
  const double first = context.clock.elapsed_seconds();
  for (const std::string& stage : stages) {
    const double begin = context.clock.elapsed_seconds();
    context.watchdog.beat(stage.c_str());
    stage_command(stage)(workspace);
    timings.push_back(fmt::format("{} {:.1f} s", stage, context.clock.elapsed_seconds() - begin));
    if (stage != stages.back()) stop_if_requested(context, stage);
  }
  log::info("stages: {} in total ({})", format_duration(context.clock.elapsed_seconds() - first),
            fmt::join(timings, ", "));
}

void run(Workspace& workspace) {
  const Context& context = workspace.context();
  if (is_sweep(context.deck))
    throw_usage("{} describes a sweep: start it with recpo sweep -i {}", context.line.deck, context.line.deck);
  run_stages(workspace, context.deck.run.stages);
  run_on_first_rank(context, "showing the table", [&] {
    log_closing_summary(context);
    const fs::path evaluation = context.run_folder() / "evaluation.json";
    if (!fs::exists(evaluation)) return;
    fmt::print("{}", report::markdown_table(read_file(evaluation), context.deck.data.dataset));
    std::fflush(stdout);
  });
}

}  // namespace recpo::app
