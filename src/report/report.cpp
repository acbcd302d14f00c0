#include "src/report/report.hpp"

#include "src/report/comparison.hpp"
#include "src/report/evaluation_file.hpp"
#include "src/report/figures.hpp"
#include "src/report/table.hpp"
#include "src/report/training_log.hpp"
#include "src/support/file.hpp"

namespace recpo::report {
namespace {
namespace fs = std::filesystem;
constexpr std::uint64_t kLargestFigures = std::uint64_t{1} << 26;

// A picture of data that are gone must not stay beside new tables.
void write_or_remove(const fs::path& path, const std::string& content) {
  std::error_code ignored;
  if (content.empty()) {
    fs::remove(path, ignored);
  } else {
    write_file(path, content);
  }
}
}  // namespace

std::string markdown_table(const std::string& evaluation_json, const std::string& dataset) {
  const std::vector<SystemFigures> figures = parse_evaluation(evaluation_json, "evaluation.json");
  return markdown(figures, dataset, reading_lines(figures, {}));
}

std::string write_report(const fs::path& run_folder, const std::string& dataset) {
  const fs::path evaluation = run_folder / "evaluation.json", predictions = run_folder / "predictions.jsonl",
                 metrics = run_folder / "metrics.jsonl", report = run_folder / "report";
  const auto figures = parse_evaluation(read_file(evaluation, kLargestFigures), evaluation.string());
  const AnswersOfSystem answers =
      fs::exists(predictions) ? parse_predictions(read_file(predictions), predictions.string()) : AnswersOfSystem{};
  const TrainingLog log = fs::exists(metrics) ? parse_metrics(read_file(metrics), metrics.string()) : TrainingLog{};
  const std::string table = markdown(figures, dataset, reading_lines(figures, answers));

  create_folders(report);
  write_file(report / "table.md", table);
  write_file(report / "table.csv", csv(figures, dataset));
  write_or_remove(report / "hr.svg", hit_rate_figure(figures, dataset));
  write_or_remove(report / "history.svg", history_figure(figures, dataset));
  write_or_remove(report / "training.svg", training_figure(log));
  return table;
}

}  // namespace recpo::report
