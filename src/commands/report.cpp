#include "src/report/report.hpp"

#include <chrono>
#include <thread>

#include "src/commands/commands.hpp"
#include "src/commands/store.hpp"
#include "src/report/run_folder.hpp"
#include "src/support/check.hpp"
#include "src/support/file.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;
constexpr auto kWatchPause = std::chrono::milliseconds(200);

// Waits, alive for the watchdog; false: it was asked to stop.
bool wait(const Context& context, double seconds) {
  for (const Clock::time_point start = Clock::now(); seconds_since(start) < seconds;) {
    context.watchdog.beat("watching");
    if (context.stop_requested()) return false;
    std::this_thread::sleep_for(kWatchPause);
  }
  return !context.stop_requested();
}

bool has_folder_in_use(const fs::path& root) {
  if (is_in_use(root)) return true;
  return std::ranges::any_of(list_tree(root), [](const fs::path& path) {
    return path.filename() == kRunFolderLock && is_in_use(path.parent_path());
  });
}

// Between two cells of a sweep no folder is in use for a moment.
bool is_going_on(const Context& context, const std::vector<fs::path>& roots) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    if (std::ranges::any_of(roots, has_folder_in_use)) return true;
    if (!wait(context, i + 1 < kTries ? 0.3 : 0)) return false;
  }
  return false;
}

bool has_results(const std::vector<fs::path>& roots) {
  return std::ranges::any_of(roots, [](const fs::path& root) {
    const auto is_evaluation = [](const fs::path& path) { return path.filename() == "evaluation.json"; };
    return report::has_results(root) || std::ranges::any_of(list_tree(root), is_evaluation);
  });
}

}  // namespace

void write_note(const deck::Deck& deck) {
  const fs::path file = fs::path(deck.run.dir) / "note.txt";
  if (!deck.report.note.empty()) return write_file(file, deck.report.note);
  std::error_code ignored;
  fs::remove(file, ignored);
}

std::string write_report(const Context& context, const ReportTarget& target) {
  const auto write = [&](double refresh_seconds) {
    return report::write_report(target.folders(), target.output, target.title, target.dataset, refresh_seconds);
  };
  const auto& every = context.line.watch_seconds;
  const std::string page = (target.output / "index.html").string();
  if (every) log::info("report: watching, {} is written again every {} s until the run ends", page, *every);
  while (every && is_going_on(context, target.roots)) {
    if (has_results(target.roots)) write(*every);
    if (!wait(context, *every)) break;
  }
  std::string table = write(0);
  log::info("report: {}", page);
  return table;
}

void report(Workspace& workspace) {
  const Context& context = workspace.context();
  const CommandLine& line = context.line;
  if (is_sweep(context.deck)) return report_sweep(workspace);
  run_on_first_rank(context, "writing the report", [&] {
    if (!line.runs.empty()) {
      const std::vector<fs::path> roots(line.runs.begin(), line.runs.end());
      const fs::path output = line.output.empty() ? roots.front() / "report" : fs::path(line.output);
      std::string title = "Study of runs";  // while one is watched there may be more
      if (const auto folders = line.watch_seconds ? std::vector<fs::path>{} : report::find_run_folders(roots);
          !folders.empty())
        title = fmt::format("Study of {} run{}", folders.size(), folders.size() == 1 ? "" : "s");
      return print_result(
          context, write_report(context, {roots, [&] { return report::find_run_folders(roots); }, output, title, ""}));
    }
    const fs::path folder = context.run_folder();
    if (report::has_results(folder)) write_note(context.deck);
    const std::string& dataset = context.deck.data.dataset;
    const std::string table = write_report(context, {{folder},
                                                     [&] { return std::vector{folder}; },
                                                     folder / "report",
                                                     report::title_of_run(folder, dataset),
                                                     dataset});
    if (line.is(CommandName::kReport)) print_result(context, table);  // `run` shows the table at its end
  });
}

}  // namespace recpo::commands
