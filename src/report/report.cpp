#include "src/report/report.hpp"

#include "src/report/comparison.hpp"
#include "src/report/evaluation_file.hpp"
#include "src/report/figures.hpp"
#include "src/report/run_folder.hpp"
#include "src/report/run_page.hpp"
#include "src/report/table.hpp"
#include "src/report/training_log.hpp"
#include "src/support/file.hpp"

namespace recpo::report {
namespace {
namespace fs = std::filesystem;

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
  const fs::path metrics = run_folder / "metrics.jsonl", report = run_folder / "report";
  const RunFolder run = read_run_folder(run_folder);
  const TrainingLog log = fs::exists(metrics) ? parse_metrics(read_file(metrics), metrics.string()) : TrainingLog{};
  const std::vector<std::string> reading = reading_lines(run.systems, run.answers);
  const std::string table = markdown(run.systems, dataset, reading);
  const RunPictures pictures{hit_rate_figure(run.systems, dataset), history_figure(run.systems, dataset),
                             training_figure(log)};
  create_folders(report);
  write_file(report / "table.md", table);
  write_file(report / "table.csv", csv(run.systems, dataset));
  write_or_remove(report / "hr.svg", pictures.hit_rate);
  write_or_remove(report / "history.svg", pictures.history);
  write_or_remove(report / "training.svg", pictures.training);
  write_file(report / "index.html", to_html(run_document(run, dataset, reading, pictures)));
  return table;
}

}  // namespace recpo::report
