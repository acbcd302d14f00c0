#include "src/app/program.hpp"

#include <cstdio>

#include "kernels/attention.hpp"
#include "kernels/gemm.hpp"
#include "src/app/builtin.hpp"
#include "src/app/commands/commands.hpp"
#include "src/app/layout_checks.hpp"
#include "src/app/sweep.hpp"
#include "src/parallel/bandwidth_probe.hpp"
#include "src/parallel/nccl_communicator.hpp"
#include "src/support/log.hpp"
#include "src/support/version.hpp"

namespace recpo::app {
namespace {

std::string version_text() {
  return fmt::format("recpo {} ({})\n{}\n{}\n{}, {}, {}, {}\n", program_version(), git_description(),
                     build_description(), library_description(), mpi_library(), kernels::gemm_description(),
                     kernels::attention_description(), parallel::nccl_version());
}

Deck read_deck_of(const CommandLine& line) {
  const bool builtin = line.builtin() && !line.print_deck;
  return builtin ? builtin_deck(line.overrides) : read_deck(line.deck, line.overrides);
}

// Touches nothing: the built-in ratings lie in a temporary folder for as long as it takes.
void run_dry(const Request& request, const Context& context) {
  Deck deck = request.deck;
  const Context dry{context.line, deck, context.grid, context.watchdog, context.clock};
  Workspace workspace(dry);
  if (request.line.command == "sweep") return sweep_dry_run(workspace);
  if (!request.line.builtin()) return dry_run(workspace);
  const TemporaryFolder folder;
  place_builtin_data(deck, folder.path());
  write_builtin_data(folder.path());
  dry_run(workspace);
}

// A plan is made for the ranks of a node; those that make it need not be so many.
int tp_of(const Request& request) {
  return request.line.command == "plan" ? 1 : static_cast<int>(request.deck.parallel.tp);
}

void run_command(const Request& request, const Context& context) {
  check_layout(request.line.command, request.deck, context.grid);
  if (request.line.dry_run) return run_dry(request, context);
  if (request.line.builtin()) write_builtin_data(context);
  Workspace workspace(context);
  const std::string name = request.line.command.empty() ? "run" : request.line.command;
  context.watchdog.beat(fmt::format("beginning {}", name).c_str());
  find_command(name)(workspace);
}

}  // namespace

Request read_request(int argc, const char* const* argv) {
  Request request;
  try {
    request.line = parse_command_line(argc, argv);
    request.clock = StopClock(request.line.wall_limit_seconds);
    if (request.line.help.empty() && !request.line.version) request.deck = read_deck_of(request.line);
    // The grid of ranks is the cells'; what is wrong with one of their decks is said before anything runs.
    if (request.line.command == "sweep" && !request.line.print_deck)
      request.deck.parallel = sweep_cells(request.line.deck, request.line.overrides).front().deck.parallel;
  } catch (...) {
    request.mistake = std::current_exception();
  }
  return request;
}

bool answered_at_once(const Request& request) {
  const CommandLine& line = request.line;
  if (request.mistake || (line.help.empty() && !line.version && !line.print_deck)) return false;
  if (launcher_rank() != 0) return true;
  const std::string text = !line.help.empty() ? line.help : line.version ? version_text() : print_deck(request.deck);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return true;
}

ExitCode execute(const Request& request, const Runtime& runtime, Watchdog& watchdog) {
  log::initialize(runtime.rank() == 0);
  Ending ending;
  parallel::ProcessGrid grid;  // freeing its communicators is collective: not before all ranks agree on the ending
  try {
    if (request.mistake) std::rethrow_exception(request.mistake);
    log::info("recpo {} ({}): {}", program_version(), git_description(), runtime.description());
    watchdog.beat("connecting the ranks");
    grid = parallel::make_process_grid(request.deck.parallel.backend, tp_of(request));
    if (const auto warning = parallel::slow_tensor_links(grid)) log::warn("{}", *warning);
    const Context context{request.line, request.deck, grid, watchdog, request.clock};
    connect_progress(context);
    run_command(request, context);
  } catch (...) {
    ending = describe(std::current_exception());
  }
  log::set_progress_hook({});
  watchdog.beat("ending");
  return agree_on_ending(ending, watchdog);
}

}  // namespace recpo::app
