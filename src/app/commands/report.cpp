#include "src/report/report.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "src/app/commands/commands.hpp"
#include "src/app/sweep.hpp"
#include "src/report/run_folder.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;

void report_study(const CommandLine& line) {
  const std::vector<fs::path> folders = report::find_run_folders({line.runs.begin(), line.runs.end()});
  const fs::path output = line.output.empty() ? fs::path(line.runs.front()) / "report" : fs::path(line.output);
  const std::string title = fmt::format("Study of {} run{}", folders.size(), folders.size() == 1 ? "" : "s");
  const std::string opening = report::write_study(folders, output, title);
  log::info("report: {}", (output / "index.html").string());
  fmt::print("{}", opening);
}

void report_run(const Context& context) {
  const std::string table = report::write_report(context.run_folder(), context.deck.data.dataset);
  log::info("report: {}", (context.run_folder() / "report/index.html").string());
  if (context.line.command == "report") fmt::print("{}", table);  // `run` shows the table at its end
}
}  // namespace

void report(Workspace& workspace) {
  const Context& context = workspace.context();
  if (is_sweep(context.deck)) return report_sweep(workspace);
  run_on_first_rank(context, "writing the report", [&] {
    if (context.line.runs.empty()) {
      report_run(context);
    } else {
      report_study(context.line);
    }
  });
}

}  // namespace recpo::app
