#include "src/app/sweep.hpp"

#include <algorithm>
#include <cstdio>

#include "src/app/commands/commands.hpp"
#include "src/app/layout_checks.hpp"
#include "src/app/stage_record.hpp"
#include "src/report/report.hpp"
#include "src/support/check.hpp"
#include "src/support/log.hpp"

namespace recpo::app {
namespace {
namespace fs = std::filesystem;

constexpr const char* kCellStage = "cell";  // in the stage record of a cell: all its stages were done

// The stages of one cell in its own folder; an error names the cell.
void run_in_cell(const Context& context, const Cell& cell, const std::vector<std::string>& stages) {
  const Context own{context.line, cell.deck, context.grid, context.watchdog, context.clock};
  try {
    check_layout("run", cell.deck, context.grid);
    Workspace workspace(own);
    run_stages(workspace, stages);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("cell {}: {}", cell.name, error.what()));
  }
}

void run_cell(const Context& context, const std::vector<Cell>& cells, std::size_t number) {
  const Cell& cell = cells[number];
  log::info("sweep: cell {} of {}: {}", number, cells.size(), cell.name);
  run_in_cell(context, cell, cell.deck.run.stages);
  run_on_first_rank(context, "noting a cell",
                    [&] { StageRecord(cell.deck.run.dir).set_done(kCellStage, cell.identity); });
}

std::size_t num_groups(const std::vector<Cell>& cells) {
  std::size_t groups = 0;
  for (const Cell& cell : cells) groups = std::max(groups, cell.group + 1);
  return groups;
}

// What the cells of a group have in common, in the folder of its first cell.
void run_shared(const Context& context, const std::vector<Cell>& cells, std::size_t group) {
  const auto first = std::ranges::find_if(cells, [&](const Cell& cell) { return cell.group == group; });
  log::info("sweep: what group {} of {} shares", group, num_groups(cells));
  run_in_cell(context, *first, shared_stages(cells, group));
}

// All cells that have figures on one page.
void write_report(const Context& context, const std::vector<Cell>& cells) {
  run_on_first_rank(context, "writing the report", [&] {
    std::vector<fs::path> folders;
    for (const Cell& cell : cells)
      if (fs::exists(fs::path(cell.deck.run.dir) / "evaluation.json")) folders.emplace_back(cell.deck.run.dir);
    if (folders.empty()) throw_usage("{}: no cell of the sweep has figures yet", context.run_folder().string());
    const fs::path output = context.run_folder() / "report";
    const std::string summary = report::write_study(folders, output, fs::path(context.line.deck).stem().string());
    log::info("report: {}", (output / "index.html").string());
    fmt::print("{}", summary);
    std::fflush(stdout);
  });
}

std::string state_of(const Cell& cell) {
  if (StageRecord(cell.deck.run.dir).is_done(kCellStage, cell.identity)) return "done";
  return fs::exists(cell.deck.run.dir) ? "begun" : "new";
}

std::string list_text(const std::vector<Cell>& cells) {
  std::string text = fmt::format("{} cells, {} groups\n", cells.size(), num_groups(cells));
  for (std::size_t i = 0; i < cells.size(); ++i)
    text += fmt::format("{:>5}  group {:<4} {:<6} {}\n", i, cells[i].group, state_of(cells[i]), cells[i].name);
  return text;
}

void print_list(const Context& context, const std::vector<Cell>& cells) {
  run_on_first_rank(context, "listing cells", [&] {
    fmt::print("{}", list_text(cells));
    std::fflush(stdout);
  });
}

std::size_t checked(long number, std::size_t count, const char* option) {
  if (number >= 0 && static_cast<std::size_t>(number) < count) return static_cast<std::size_t>(number);
  throw_usage("{} {}: the sweep has {}, counted from 0 (see --list)", option, number, count);
}

}  // namespace

void sweep(Workspace& workspace) {
  const Context& context = workspace.context();
  const CommandLine& line = context.line;
  const std::vector<Cell> cells = sweep_cells(line.deck, line.overrides);
  if (line.list) return print_list(context, cells);
  if (line.shared) return run_shared(context, cells, checked(*line.shared, num_groups(cells), "--shared"));
  if (line.cell) return run_cell(context, cells, checked(*line.cell, cells.size(), "--cell"));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    run_cell(context, cells, i);
    if (i + 1 < cells.size()) stop_if_requested(context, "cell " + cells[i].name);
  }
  write_report(context, cells);
}

void report_sweep(Workspace& workspace) {
  const CommandLine& line = workspace.context().line;
  write_report(workspace.context(), sweep_cells(line.deck, line.overrides));
}

void sweep_dry_run(Workspace& workspace) {
  const Context& context = workspace.context();
  const std::vector<Cell> cells = sweep_cells(context.line.deck, context.line.overrides);
  print_list(context, cells);
  for (std::size_t group = 0; group < num_groups(cells); ++group) {
    const auto first = std::ranges::find_if(cells, [&](const Cell& cell) { return cell.group == group; });
    const Context own{context.line, first->deck, context.grid, context.watchdog, context.clock};
    Workspace cell(own);
    dry_run(cell);
  }
}

}  // namespace recpo::app
