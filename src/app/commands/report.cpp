#include "src/report/report.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "src/app/commands/commands.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

void report(Workspace& workspace) {
  const Context& context = workspace.context();
  run_on_first_rank(context, "writing the report", [&] {
    report::write_report(context.run_folder(), context.deck.data.dataset);
    log::info("report: tables in {}", (context.run_folder() / "report").string());
    if (context.line.command != "report") return;  // `run` shows the table at its end
    fmt::print("{}",
               report::markdown_table(read_file(context.run_folder() / "evaluation.json"), context.deck.data.dataset));
  });
}

}  // namespace recpo::app
