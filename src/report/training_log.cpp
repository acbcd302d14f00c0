#include "src/report/training_log.hpp"

#include <cmath>
#include <limits>
#include <string_view>

#include "src/report/sections.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/json.hpp"

namespace recpo::report {
namespace {
void read_point(const JsonObject& line, const std::string& key, std::int64_t step, Curve& curve) {
  curve.erase(step);
  if (!line.has(key)) return;  // null: it was not finite
  constexpr double kLargest = std::numeric_limits<double>::max();
  curve[step] = line.real(key, -kLargest, kLargest);
}

const std::map<std::string, TrainingLog::Stage TrainingLog::*> kStages = {{"sft", &TrainingLog::sft},
                                                                          {"align", &TrainingLog::align}};
constexpr std::size_t kMaxPoints = 400;  // of one curve: more than its pixels

LinePanel panel_of(const std::string& title, const std::vector<LoggedRun>& runs, const char* colour,
                   TrainingLog::Stage TrainingLog::*stage, Curve TrainingLog::Stage::*curve) {
  LinePanel panel{title, "step", {}, {}, {}, true};
  for (const LoggedRun& run : runs) {
    Line line{run.label, run.label.empty() ? colour : run.colour, {}};
    for (const auto& [step, value] : thinned(run.log.*stage.*curve, kMaxPoints))
      line.points.push_back({step, {value, {}, {}}, {}});
    if (!line.points.empty()) panel.lines.push_back(std::move(line));
  }
  return panel;
}
}  // namespace

TrainingLog parse_metrics(const std::string& jsonl, const std::string& source) {
  TrainingLog log;
  std::size_t number = 1;
  for (std::size_t begin = 0, end = 0; (end = jsonl.find('\n', begin)) != std::string::npos;
       begin = end + 1, ++number) {
    const std::string where = fmt::format("{}:{}", source, number);
    const nlohmann::json parsed = parse_json(std::string_view(jsonl).substr(begin, end - begin), where);
    const JsonObject line(parsed, where);
    const auto stage = kStages.find(line.text("stage"));
    const std::int64_t step = line.integer("step", 0, INT64_MAX);
    if (stage == kStages.end()) throw_input("{}: stage {} must be sft or align", where, line.text("stage"));
    TrainingLog::Stage& curves = log.*stage->second;
    read_point(line, "loss", step, curves.loss);
    read_point(line, "rewards/margins", step, curves.margin);
    read_point(line, "rewards/accuracies", step, curves.accuracy);
    read_point(line, "eval_loss", step, curves.eval_loss);
    read_point(line, "eval_ranked_hr@1", step, curves.hit_rate);
    read_point(line, "eval_mrr", step, curves.mrr);
  }
  return log;
}

std::vector<std::pair<double, double>> thinned(const Curve& curve, std::size_t limit) {
  const std::size_t bin = (curve.size() + limit - 1) / limit;
  std::vector<std::pair<double, double>> points;
  double steps = 0, values = 0;
  std::size_t filled = 0, seen = 0;
  for (const auto& [step, value] : curve) {
    steps += static_cast<double>(step), values += value;
    ++filled, ++seen;
    if (filled < bin && seen < curve.size()) continue;
    points.emplace_back(steps / static_cast<double>(filled), values / static_cast<double>(filled));
    steps = values = 0;
    filled = 0;
  }
  return points;
}

std::string training_figure(const std::vector<LoggedRun>& runs) {
  using Log = TrainingLog;
  using Stage = Log::Stage;
  constexpr const char *kSft = "#e69f00", *kAlign = "#d55e00";
  return line_figure(
      "Training", {panel_of("Loss, supervised fine-tuning", runs, kSft, &Log::sft, &Stage::loss),
                   panel_of("Validation loss, supervised fine-tuning", runs, kSft, &Log::sft, &Stage::eval_loss),
                   panel_of("Validation ranked HR@1, supervised fine-tuning", runs, kSft, &Log::sft, &Stage::hit_rate),
                   panel_of("Validation MRR, supervised fine-tuning", runs, kSft, &Log::sft, &Stage::mrr),
                   panel_of("Loss, alignment", runs, kAlign, &Log::align, &Stage::loss),
                   panel_of("Validation loss, alignment", runs, kAlign, &Log::align, &Stage::eval_loss),
                   panel_of("Validation ranked HR@1, alignment", runs, kAlign, &Log::align, &Stage::hit_rate),
                   panel_of("Validation MRR, alignment", runs, kAlign, &Log::align, &Stage::mrr),
                   panel_of("Reward margin (chosen - rejected)", runs, "#0072b2", &Log::align, &Stage::margin),
                   panel_of("Reward accuracy", runs, "#009e73", &Log::align, &Stage::accuracy)});
}

namespace {
TrainingLog read_log(const RunFolder& run) {
  const std::filesystem::path metrics = run.path / "metrics.jsonl";
  return is_there(metrics) ? parse_metrics(read_file(metrics), metrics.string()) : TrainingLog{};
}

// Of each trained base variant the curves of its own stage, of the first seed.
std::vector<LoggedRun> logged_runs(const Study& study) {
  if (study.is_single_run()) return {{"", "", read_log(study.runs.front())}};
  std::vector<LoggedRun> logged;
  for (const std::string& dataset : study.datasets) {
    for (const Variant* variant : study.bases(dataset)) {
      const System& system = *variant->system;
      if (system.role != Role::kSft && system.role != Role::kAligned) continue;
      const std::string label = study.datasets.size() > 1 ? system.label + ", " + dataset : system.label;
      LoggedRun run{label, system.colour, read_log(*variant->seeds.front().run)};
      (system.role == Role::kSft ? run.log.align : run.log.sft) = {};
      logged.push_back(std::move(run));
    }
  }
  return logged;
}
}  // namespace

void add_training(const Study& study, Document& document) {
  const std::string svg = training_figure(logged_runs(study));
  if (!svg.empty()) document.add(Heading{"Training"});
  document.add(Picture{"training.svg", svg, "Step by step; of long runs means of neighbouring steps."});
}

}  // namespace recpo::report
