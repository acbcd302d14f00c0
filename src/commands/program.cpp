#include "src/commands/program.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "kernels/attention.hpp"
#include "kernels/gemm.hpp"
#include "src/checkpoint/model_source.hpp"
#include "src/commands/commands.hpp"
#include "src/commands/store.hpp"
#include "src/commands/workspace.hpp"
#include "src/deck/sweep.hpp"
#include "src/model/tensor_parallel.hpp"
#include "src/parallel/bandwidth_probe.hpp"
#include "src/parallel/nccl_communicator.hpp"
#include "src/support/check.hpp"
#include "src/support/folder.hpp"
#include "src/support/log.hpp"
#include "src/support/standard_streams.hpp"
#include "src/support/version.hpp"

namespace recpo::commands {
namespace {
namespace fs = std::filesystem;
using std::string_literals::operator""s;

// Synthetic data and the quick start's small model.
constexpr const char* kBuiltinDeck = R"(
[run]
dir = "runs/tiny"
stages = ["prepare", "sft", "evaluate-sft", "align", "evaluate", "report"]
[data]
dataset = "synthetic"
k_core_users = 0
k_core_items = 0
min_history = 3
max_train_rows = 0
max_eval_rows = 500
candidates = 10
window = 5
default_latency = 6.0
[synthetic]
users = 3000
types = 6
genres = 6
titles = 6
shortest = 6
longest = 10
[tokenizer]
titles = "token"
train_vocab = 400
[model]
hidden_size = 128
num_hidden_layers = 3
initializer_range = 0.1
max_tokens = 128
[optimizer]
lr = 1e-3
[sft]
epochs = 2
global_batch = 32
micro_batch_tokens = 2048
[align]
steps = 60
lr = 2e-4
global_batch = 64
micro_batch_tokens = 4096
[baseline]
epochs = 15
patience = 4
[checkpoint]
every_steps = 500
keep = 1
)";

// What the built-in run is compared with, each in a folder of its own below run.dir/compared.
struct BuiltinSystem {
  const char* name;
  std::vector<std::string> keys;
};
const std::vector<BuiltinSystem>& builtin_systems() {
  static const std::vector<BuiltinSystem> kSystems = {
      {"popularity", {"run.stages=prepare,baseline", "baseline.model=popularity"}},
      {"sasrec", {"run.stages=prepare,baseline", "baseline.model=sasrec"}},
      {"bayes", {"run.stages=prepare,baseline", "baseline.model=bayes"}},
      {"sft_longer", {"run.stages=prepare,sft,evaluate-sft", "sft.longer=true"}},
  };
  return kSystems;
}

bool is_writable(const fs::path& folder) { return ::access(folder.c_str(), W_OK | X_OK) == 0; }

fs::path folder_for_outputs() {
  const fs::path current = fs::current_path();
  const bool usable = seems_there(current / "runs") ? is_writable(current / "runs") : is_writable(current);
  return usable ? current : fs::temp_directory_path() / "recpo";
}

std::string version_text() {
  return fmt::format("recpo {} ({})\n{}\n{}\n{}, {}, {}, {}\n", program_version(), git_description(),
                     build_description(), library_description(), process::mpi_library(), kernels::gemm_description(),
                     kernels::attention_description(), parallel::nccl_version());
}

deck::Deck read_deck_of(const CommandLine& line) {
  const bool builtin = line.builtin() && !line.print_deck;
  return builtin ? builtin_deck(line.overrides) : deck::read_deck(line.deck, line.overrides);
}

// A plan is made for the ranks of a node; those that make it need not be so many.
int tp_of(const Request& request) {
  return request.line.is(CommandName::kPlan) ? 1 : static_cast<int>(request.deck.parallel.tp);
}

// `run` and the cells of a sweep take the folder themselves; a report may be written while a run goes on.
bool writes_run_folder(CommandName name) {
  constexpr CommandName kWriters[] = {CommandName::kPrepare, CommandName::kReference, CommandName::kSft,
                                      CommandName::kAlign,   CommandName::kEvaluate,  CommandName::kBaseline};
  return std::ranges::find(kWriters, name) != std::end(kWriters);
}

// Alone, the program compares systems; with stages of the user's choice it does these.
bool compares_systems(const CommandLine& line) {
  const auto names_stages = [](const std::string& key) { return key.starts_with("run.stages"); };
  return line.builtin() && std::ranges::none_of(line.overrides, names_stages);
}

// All systems on the same questions, and one table of them.
void run_builtin(const Request& request, const Context& context) {
  const fs::path folder = context.run_folder();
  std::vector<fs::path> folders = {folder};
  const auto run_deck = [&](const deck::Deck& deck) {
    const Context own{context.line, deck, context.grid, context.watchdog, context.clock};
    Workspace workspace(own);
    run_stages(workspace, deck.run.stages, fmt::format("system {}, ", folders.size()));
  };
  run_deck(request.deck);
  for (const BuiltinSystem& system : builtin_systems()) {
    if (system.name == "bayes"s && request.deck.data.dataset != "synthetic") continue;
    log::info("{}, to compare with", system.name);
    folders.push_back(folder / "compared" / system.name);
    std::vector<std::string> keys = request.line.overrides;
    keys.insert(keys.end(), system.keys.begin(), system.keys.end());
    keys.push_back("run.dir=" + folders.back().string());
    keys.push_back("run.store=" + (folder / "compared" / "store").string());
    run_deck(builtin_deck(keys));
  }
  run_on_first_rank(context, "writing the report", [&] {
    print_result(context,
                 write_report(context, {{folder}, [&] { return folders; }, folder / "report", "Synthetic data", ""}));
    log_outputs(context);
    log::info("next: recpo init FOLDER writes a deck for your own ratings; recpo --help");
  });
}

void run_command(const Request& request, const Context& context) {
  const CommandName name = request.line.command.value_or(CommandName::kRun);
  check_layout(name, request.deck, context.grid);
  Workspace workspace(context);
  if (request.line.dry_run && name != CommandName::kInit)
    return name == CommandName::kSweep ? sweep_dry_run(workspace) : dry_run(workspace);
  context.watchdog.beat(fmt::format("beginning {}", name_of(name)).c_str());
  if (compares_systems(request.line)) return run_builtin(request, context);
  std::optional<RunFolderLock> lock;
  if (writes_run_folder(name)) lock.emplace(context);
  find_command(name)(workspace);
}

// The grid of ranks is the cells'; an error in any of their decks is reported before anything runs.
void read_sweep(Request& request) {
  const CommandLine& line = request.line;
  const std::vector<deck::Cell> cells = deck::sweep_cells(line.deck, line.overrides);
  if (line.list) request.answer = sweep_list(cells);
  if (line.print_deck) {
    request.deck = deck::find_cell(cells, line.cell).deck;
  } else {
    request.deck.parallel = cells.front().deck.parallel;
  }
}

}  // namespace

// A model or a tokenizer of the user's own has its own tokens.
deck::Deck builtin_deck(const std::vector<std::string>& overrides) {
  std::vector<std::string> keys = overrides;
  const auto names_own = [](const std::string& key) {
    return key.starts_with("model.path=") || key.starts_with("tokenizer.path=");
  };
  if (std::ranges::any_of(keys, names_own)) keys.insert(keys.begin(), "tokenizer.titles=subword");
  return deck::read_deck_text(kBuiltinDeck, "built-in deck", folder_for_outputs(), keys);
}

Request read_request(int argc, const char* const* argv) {
  Request request;
  try {
    request.line = parse_command_line(argc, argv);
    const CommandLine& line = request.line;
    request.clock = process::StopClock(line.wall_limit_seconds);
    request.answer = !line.help.empty()     ? line.help
                     : line.version         ? version_text()
                     : line.print_reference ? deck::reference_deck()
                                            : "";
    if (!request.answer.empty()) return request;
    request.deck = read_deck_of(line);
    if (line.is(CommandName::kSweep) && (!line.print_deck || !line.cell.empty())) read_sweep(request);
    if (line.print_deck) request.answer = print_deck(request.deck);
  } catch (...) {
    request.mistake = std::current_exception();
  }
  return request;
}

bool answered_at_once(const Request& request) {
  if (request.mistake || request.answer.empty()) return false;
  if (process::launcher_rank() == 0) write_result(request.answer);
  return true;
}

ExitCode execute(const Request& request, process::Runtime& runtime, process::Watchdog& watchdog) {
  log::initialize(runtime.rank() == 0);
  parallel::Outcome outcome;
  parallel::ProcessGrid grid;  // freeing its communicators is collective: not before all ranks agree on the exit
  try {
    if (request.mistake) std::rethrow_exception(request.mistake);
    log::info("recpo {} ({}): {}", program_version(), git_description(), runtime.description());
    if (const auto advice = process::spinning_advice()) log::info("{}", *advice);
    watchdog.beat("connecting the ranks");
    grid = parallel::make_process_grid(request.deck.parallel.backend, tp_of(request));
    if (const auto warning = parallel::slow_tensor_links(grid)) log::warn("{}", *warning);
    const Context context{request.line, request.deck, grid, watchdog, request.clock};
    connect_progress(context);
    run_command(request, context);
  } catch (...) {
    outcome = parallel::outcome_of(std::current_exception());
  }
  disconnect_progress();
  watchdog.beat("ending");
  return runtime.agree_on_exit(outcome, watchdog);
}

namespace {

constexpr std::int64_t kSomeVocabulary = 1 << 20;  // not known before the tokenizer, and never the narrowest part

bool runs_stage(CommandName command, const deck::Deck& deck, CommandName stage) {
  return command == stage || (command == CommandName::kRun && deck.run.has_stage(name_of(stage)));
}

void check_batch(const deck::Deck& deck, const char* stage, std::int64_t global_batch, int ranks) {
  if (ranks <= global_batch) return;
  const std::string key = std::string(stage) + ".global_batch";
  throw_usage("{} = {} cannot be shared by {} data-parallel ranks: use at most {} ranks or a larger batch",
              where(deck, key), global_batch, ranks, global_batch);
}

}  // namespace

void check_layout(CommandName command, const deck::Deck& deck, const parallel::ProcessGrid& grid) {
  if (runs_stage(command, deck, CommandName::kSft)) check_batch(deck, "sft", deck.sft.global_batch, grid.dp->size());
  if (runs_stage(command, deck, CommandName::kAlign))
    check_batch(deck, "align", deck.align.global_batch, grid.dp->size());
  constexpr CommandName kUsesModel[] = {CommandName::kRun, CommandName::kSft, CommandName::kAlign,
                                        CommandName::kEvaluate, CommandName::kReference};
  const bool uses_model = std::ranges::find(kUsesModel, command) != std::end(kUsesModel);
  if (!uses_model || grid.tp->size() == 1) return;
  const model::LlamaConfig config = deck.model.path.empty()
                                        ? random_model_shape(deck, kSomeVocabulary)
                                        : checkpoint::open_model(deck.model.path, *grid.world).config;
  model::check_tensor_parallel(config, grid.tp->size());
}

}  // namespace recpo::commands
