
#include <algorithm>

#include "src/commands/commands.hpp"
#include "src/commands/program.hpp"
#include "src/commands/store.hpp"
#include "src/report/run_folder.hpp"
#include "src/support/check.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;

constexpr const char* kCellStage = "cell";  // in the stage record of a cell: all its stages were done

// The stages of one cell in its own folder; an error names the cell.
void run_in_cell(const Context& context, const deck::Cell& cell, const std::vector<std::string>& stages,
                 const std::string& place = "") {
  const Context own{context.line, cell.deck, context.grid, context.watchdog, context.clock};
  try {
    check_layout(CommandName::kRun, cell.deck, context.grid);
    Workspace workspace(own);
    run_stages(workspace, stages, place);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("cell {}: {}", cell.name, error.what()));
  }
}

void run_cell(const Context& context, const std::vector<deck::Cell>& cells, const deck::Cell& cell) {
  log::info("sweep: cell {} of {}: {}", &cell - cells.data(), cells.size(), cell.name);
  run_in_cell(context, cell, cell.deck.run.stages, fmt::format("cell {} of {}, ", &cell - cells.data(), cells.size()));
  run_on_first_rank(context, "noting a cell",
                    [&] { StageRecord(cell.deck.run.dir).set_done(kCellStage, cell.identity); });
}

std::size_t num_groups(const std::vector<deck::Cell>& cells) {
  std::size_t groups = 0;
  for (const deck::Cell& cell : cells) groups = std::max(groups, cell.group + 1);
  return groups;
}

// Runs the shared stages of a group in the folder of its first cell.
void run_shared(const Context& context, const std::vector<deck::Cell>& cells, std::size_t group) {
  const auto first = std::ranges::find_if(cells, [&](const deck::Cell& cell) { return cell.group == group; });
  log::info("sweep: what group {} of {} shares", group, num_groups(cells));
  run_in_cell(context, *first, deck::shared_stages(cells, group));
}

// One report of all cells that have results.
void report_cells(const Context& context, const std::vector<deck::Cell>& cells) {
  run_on_first_rank(context, "writing the report", [&] {
    const auto folders = [&] {
      std::vector<fs::path> begun;
      for (const deck::Cell& cell : cells)
        if (report::has_results(cell.deck.run.dir)) begun.emplace_back(cell.deck.run.dir);
      if (begun.empty()) throw_usage("{}: no cell of the sweep has figures yet", context.run_folder().string());
      return begun;
    };
    print_result(context, write_report(context, {{context.run_folder()},
                                                 folders,
                                                 context.run_folder() / "report",
                                                 fs::path(context.line.deck).stem().string(),
                                                 ""}));
  });
}

std::string state_of(const deck::Cell& cell) {
  if (StageRecord(cell.deck.run.dir).is_done(kCellStage, cell.identity)) return "done";
  return is_there(cell.deck.run.dir) ? "begun" : "new";
}

std::size_t checked_group(long number, std::size_t count) {
  if (number >= 0 && static_cast<std::size_t>(number) < count) return static_cast<std::size_t>(number);
  throw_usage("--shared {}: the sweep has {}, counted from 0 (see --list)", number, count);
}

}  // namespace

std::string sweep_list(const std::vector<deck::Cell>& cells) {
  std::string text = fmt::format("{} cells, {} groups\n", cells.size(), num_groups(cells));
  for (std::size_t i = 0; i < cells.size(); ++i)
    text += fmt::format("{:>5}  group {:<4} {:<6} {}\n", i, cells[i].group, state_of(cells[i]), cells[i].name);
  return text;
}

void sweep(Workspace& workspace) {
  const Context& context = workspace.context();
  const CommandLine& line = context.line;
  const std::vector<deck::Cell> cells = deck::sweep_cells(line.deck, line.overrides);
  if (line.shared) return run_shared(context, cells, checked_group(*line.shared, num_groups(cells)));
  if (!line.cell.empty()) return run_cell(context, cells, deck::find_cell(cells, line.cell));
  for (const deck::Cell& cell : cells) {
    run_cell(context, cells, cell);
    if (&cell != &cells.back()) stop_if_requested(context, "cell " + cell.name);
  }
  report_cells(context, cells);
}

void report_sweep(Workspace& workspace) {
  const CommandLine& line = workspace.context().line;
  report_cells(workspace.context(), deck::sweep_cells(line.deck, line.overrides));
}

void sweep_dry_run(Workspace& workspace) {
  const Context& context = workspace.context();
  const std::vector<deck::Cell> cells = deck::sweep_cells(context.line.deck, context.line.overrides);
  run_on_first_rank(context, "listing cells", [&] { print_result(context, sweep_list(cells)); });
  for (std::size_t group = 0; group < num_groups(cells); ++group) {
    const auto first = std::ranges::find_if(cells, [&](const deck::Cell& cell) { return cell.group == group; });
    const Context own{context.line, first->deck, context.grid, context.watchdog, context.clock};
    Workspace cell(own);
    dry_run(cell);
  }
}

}  // namespace recpo::commands
