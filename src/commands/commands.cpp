#include "src/commands/commands.hpp"

#include <fmt/ranges.h>

#include <map>

#include "src/commands/store.hpp"
#include "src/report/report.hpp"
#include "src/report/run_folder.hpp"
#include "src/support/check.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::commands {

Command find_command(CommandName name) {
  // In the order of the names.
  constexpr Command kAll[] = {init,  run,      prepare,  import_model, export_model, reference, sft,    align,
                              score, generate, evaluate, baseline,     plan_layouts, sweep,     report, inspect};
  static_assert(std::size(kAll) == names_of(CommandName{}).size());
  return kAll[static_cast<std::size_t>(name)];
}

namespace {
namespace fs = std::filesystem;

// The choices of run.stages.
Command stage_command(const std::string& stage) {
  static const std::map<std::string, Command> kStages = {
      {"prepare", prepare}, {"evaluate-base", evaluate_base}, {"sft", sft},       {"evaluate-sft", evaluate_sft},
      {"align", align},     {"evaluate", evaluate},           {"report", report}, {"baseline", baseline}};
  return kStages.at(stage);
}

// What stages take, by those that this program has done.
class Forecast {
 public:
  explicit Forecast(const deck::Deck& deck) : deck_(deck) {}

  void note(const std::string& stage, double seconds) { seconds_[kind_of(stage)] = seconds; }

  // At least; 0 for what is not known. A preference set costs more than a row, its prompt with one answer.
  double seconds_of(const std::string& stage) const {
    const auto known = seconds_.find(kind_of(stage));
    if (known != seconds_.end()) return known->second;
    const auto sft = seconds_.find("sft");
    if (stage != "align" || sft == seconds_.end() || deck_.sft.steps == 0 || deck_.align.steps == 0) return 0;
    const auto rows = [](const train::StageOptions& o) { return static_cast<double>(o.steps * o.global_batch); };
    return sft->second * rows(deck_.align) / rows(deck_.sft);
  }

 private:
  static std::string kind_of(const std::string& stage) { return stage.starts_with("evaluate") ? "evaluate" : stage; }

  const deck::Deck& deck_;
  std::map<std::string, double> seconds_;
};

}  // namespace

void log_outputs(const Context& context) {
  const fs::path folder = context.run_folder();
  constexpr std::pair<const char*, const char*> kOutputs[] = {{"rows", "rows.h5"},
                                                              {"curves", "metrics.jsonl"},
                                                              {"sft", "checkpoints/sft"},
                                                              {"align", "checkpoints/align"},
                                                              {"answers", "predictions.jsonl"},
                                                              {"metrics", "evaluation.json"},
                                                              {"report", "report/index.html"}};
  for (const auto& [name, path] : kOutputs)
    if (seems_there(folder / path)) log::info("{:<8} {}", name, (folder / path).string());
  for (const char* stage : {"align", "sft"}) {
    const fs::path checkpoints = folder / "checkpoints" / stage;
    if (!seems_there(checkpoints)) continue;
    log::info("next     recpo export --model {} --output FOLDER gives the model to Transformers", checkpoints.string());
    break;
  }
}

void run_stages(Workspace& workspace, const std::vector<std::string>& stages, const std::string& place) {
  const Context& context = workspace.context();
  const RunFolderLock lock(context);
  std::vector<std::string> timings;
  Forecast forecast(context.deck);
  const double first = context.clock.elapsed_seconds();
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const double begin = context.clock.elapsed_seconds();
    double after = 0;
    for (std::size_t later = i + 1; later < stages.size(); ++later) after += forecast.seconds_of(stages[later]);
    log::set_course({fmt::format("{}stage {} of {}", place, i + 1, stages.size()), after});
    context.watchdog.beat(stages[i].c_str());
    stage_command(stages[i])(workspace);
    const double seconds = context.clock.elapsed_seconds() - begin;
    forecast.note(stages[i], seconds);
    timings.push_back(fmt::format("{} {:.1f} s", stages[i], seconds));
    if (i + 1 < stages.size()) stop_if_requested(context, stages[i]);
  }
  log::set_course({});
  log::info("stages: {} in total ({})", format_duration(context.clock.elapsed_seconds() - first),
            fmt::join(timings, ", "));
}

void run(Workspace& workspace) {
  const Context& context = workspace.context();
  if (is_sweep(context.deck))
    throw_usage("{} describes a sweep: start it with recpo sweep -i {}", context.line.deck, context.line.deck);
  run_stages(workspace, context.deck.run.stages);
  run_on_first_rank(context, "showing the table", [&] {
    log_outputs(context);
    if (is_there(context.run_folder() / "evaluation.json"))
      print_result(context, report::results_text(context.run_folder(), context.deck.data.dataset));
  });
}

void prepare(Workspace& workspace) {
  const data::RowFile& rows = workspace.rows();
  const std::string& target = workspace.context().line.export_rows;
  if (target.empty()) return;
  run_on_first_rank(workspace.context(), "exporting rows", [&] {
    data::export_rows(target, rows);
    log::info("prepare: {} rows exported to {}", rows.rows.size(), target);
  });
}

}  // namespace recpo::commands
