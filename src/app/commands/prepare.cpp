#include "src/app/commands/commands.hpp"
#include "src/support/log.hpp"

namespace recpo::app {

void prepare(Workspace& workspace) {
  const data::RowFile& rows = workspace.rows();
  const std::string& target = workspace.context().line.export_rows;
  if (target.empty()) return;
  run_on_first_rank(workspace.context(), "exporting rows", [&] {
    data::export_rows(target, rows);
    log::info("prepare: {} rows exported to {}", rows.rows.size(), target);
  });
}

}  // namespace recpo::app
