#include <fmt/format.h>

#include <cstdio>

#include "src/app/commands/commands.hpp"
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

void log_closing_summary(const Context& context, const std::vector<std::string>& timings) {
  log::info("run: {} in total ({})", format_duration(context.clock.elapsed_seconds()), fmt::join(timings, ", "));
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

void run(Workspace& workspace) {
  const Context& context = workspace.context();
  std::vector<std::string> timings;
  for (const std::string& stage : context.deck.run.stages) {
    const double begin = context.clock.elapsed_seconds();
    context.watchdog.beat(stage.c_str());
    stage_command(stage)(workspace);
    timings.push_back(fmt::format("{} {:.1f} s", stage, context.clock.elapsed_seconds() - begin));
    if (stage != context.deck.run.stages.back()) stop_if_requested(context, stage);
  }
  run_on_first_rank(context, "showing the table", [&] {
    log_closing_summary(context, timings);
    const fs::path evaluation = context.run_folder() / "evaluation.json";
    if (!fs::exists(evaluation)) return;
    fmt::print("{}", report::markdown_table(read_file(evaluation), context.deck.data.dataset));
    std::fflush(stdout);
  });
}

}  // namespace recpo::app
