#include "src/commands/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <string_view>

#include "src/data/options.hpp"
#include "src/deck/nearest_name.hpp"
#include "src/objective/options.hpp"
#include "src/support/check.hpp"

namespace recpo::commands {
namespace {

constexpr const char* kDescription =
    "recpo: from rating logs to a preference-aligned language model recommender.\n"
    "  recpo COMMAND -i DECK.toml [section.key=value ...]   one command\n"
    "  recpo -i DECK.toml                                   all stages of the deck (run)\n"
    "  recpo                                                a built-in tiny pipeline, under a minute\n"
    "  mpirun -np N recpo ...                               the same on N ranks";
constexpr const char* kFooter =
    "Keys of a deck: recpo --print-deck. Arguments --kokkos-* go to Kokkos.\n"
    "Exit codes: 0 done, 64 usage, 65 bad input, 70 internal, 73 cannot write, 75 stopped with a complete\n"
    "checkpoint (submit again), 76 numerics, 86 a rank hangs.";

std::string data_sets() { return fmt::format("Data sets (data.dataset): {}.", fmt::join(data::dataset_names(), ", ")); }
std::string objectives() {
  return fmt::format("Objectives (align.objective): {}.", fmt::join(objective::objective_names(), ", "));
}

double parse_wall_limit(const std::string& text) {
  double seconds = 0;
  std::string_view rest = text;
  for (int parts = 0; parts < 3; ++parts) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (error != std::errc{} || end == rest.data()) break;
    seconds = seconds * 60 + value;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty()) {
      if (seconds <= 0) break;
      return seconds;
    }
    if (!rest.starts_with(':')) break;
    rest.remove_prefix(1);
  }
  throw_usage("-t {}: the wall limit is HH:MM:SS, for example 01:30:00", text);
}

void needs(CLI::App& command, const char* option, std::string& target, const char* help) {
  command.add_option(option, target, help)->required();
}

void needs_model(CLI::App& command, CommandLine& line) {
  needs(command, "--model", line.model, "native checkpoint, its parent folder, or Hugging Face folder");
}

void init_options(CLI::App& command, CommandLine& line) {
  needs(command, "folder", line.path, "folder of rating logs or preference rows");
  command.add_option("--output", line.output, "deck to write; left out: deck.toml in the current folder");
  command.footer(data_sets());
}

void prepare_options(CLI::App& command, CommandLine& line) {
  command.add_option("--export", line.export_rows, "also write the rows as JSONL to this file");
  command.footer(data_sets());
}

void import_options(CLI::App& command, CommandLine& line) {
  needs_model(command, line);
  needs(command, "--output", line.output, "folder of the native checkpoint to write");
}

void export_options(CLI::App& command, CommandLine& line) {
  needs_model(command, line);
  needs(command, "--output", line.output, "Hugging Face folder to write");
  const auto set_dtype = [&line](const std::string& name) { line.dtype = find_value<checkpoint::Dtype>(name); };
  command.add_option_function<std::string>("--dtype", set_dtype, "of the tensors; auto: the one that keeps every bit")
      ->check(CLI::IsMember({"auto", "float32", "bfloat16", "float16"}))
      ->default_str("auto");
  command.add_flag("--adapters", line.adapters_only, "the adapters alone, as PEFT does; otherwise they are merged");
  command.add_option("--max-shard-bytes", line.max_shard_bytes, "of a file of weights; a larger tensor stands alone")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

void score_options(CLI::App& command, CommandLine& line) {
  needs_model(command, line);
  needs(command, "--input", line.input, "JSONL: {\"prompt\": text, \"completions\": [text ..]}");
  needs(command, "--output", line.output, "JSONL: {\"logp\": [..], \"tokens\": [..]}");
}

void generate_options(CLI::App& command, CommandLine& line) {
  needs_model(command, line);
  command.add_option("--prompt", line.prompt, "text to continue");
  command.add_option("--input", line.input, "JSONL: {\"prompt\": text}; one continuation a line");
  command.add_option("--max-new-tokens", line.max_new_tokens, "tokens")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

void sweep_options(CLI::App& command, CommandLine& line) {
  command.add_flag("--list", line.list, "list the cells with their numbers, groups and states, and end");
  command.add_option("--cell", line.cell, "run this cell alone, by number or name; with --print-deck: print its deck");
  command.add_option("--shared", line.shared, "make what the cells of this group share (rows, SFT), no more");
}

void report_options(CLI::App& command, CommandLine& line) {
  command.add_option("--runs", line.runs, "folders of a study: run folders, or folders with run folders at any depth");
  command.add_option("--output", line.output, "of --runs: folder of its report; left out: report in the only folder");
  command.add_option("--watch", line.watch_seconds, "write it again every so many seconds until the run has ended")
      ->expected(0, 1)
      ->default_str("10")
      ->check(CLI::PositiveNumber);
}

void inspect_options(CLI::App& command, CommandLine& line) { needs(command, "path", line.path, "file or folder"); }

struct CommandHelp {
  CommandName name;
  const char* text;
  void (*add_options)(CLI::App&, CommandLine&) = nullptr;
};
constexpr CommandHelp kCommands[] = {
    {CommandName::kInit, "looks at a folder of data and writes a deck for it that runs as it is", init_options},
    {CommandName::kRun, "the deck's stages in order, skipping what is done for the same inputs"},
    {CommandName::kPrepare, "raw data -> rows.h5 (frozen rows, tokens)", prepare_options},
    {CommandName::kImport, "model folder -> native checkpoint", import_options},
    {CommandName::kExport, "any model -> Hugging Face folder", export_options},
    {CommandName::kReference, "reference log-probs of the alignment rows -> reference.h5"},
    {CommandName::kSft, "supervised fine-tuning; resumes from the newest whole checkpoint"},
    {CommandName::kAlign, "preference alignment (align.objective); resumes likewise"},
    {CommandName::kScore, "log-probs of completions: JSONL in, JSONL out", score_options},
    {CommandName::kGenerate, "greedy continuation of a prompt", generate_options},
    {CommandName::kEvaluate, "evaluation.json and predictions.jsonl"},
    {CommandName::kBaseline, "trains and evaluates a traditional recommender (baseline.model) on the same rows"},
    {CommandName::kPlan, "memory, communication and time of all layouts on a node, best first"},
    {CommandName::kSweep, "every cell of a deck's [sweep]: decks x values, what they share is made once",
     sweep_options},
    {CommandName::kReport, "tables and figures of the deck's run, or with --runs of a study of many runs",
     report_options},
    {CommandName::kInspect, "what is in a file or checkpoint of ours, and whether it is whole", inspect_options},
};

// Everything after the program's name that is not Kokkos's, in CLI11's order (last first).
std::vector<std::string> own_arguments(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    if (!std::string_view(argv[i]).starts_with("--kokkos-")) arguments.emplace_back(argv[i]);
  }
  return arguments;
}

// What init writes is the deck.
void check_init(const CommandLine& line) {
  if (line.is(CommandName::kInit) && (!line.deck.empty() || !line.overrides.empty()))
    throw_usage("command line: init takes a folder and --output, no deck and no section.key=value");
}

// A study's settings come from its run folders, not from a deck.
void check_study(const CommandLine& line) {
  if (line.runs.empty()) {
    if (line.is(CommandName::kReport) && !line.output.empty())
      throw_usage("command line: --output belongs to --runs; the report of a deck's run lies in its folder");
    return;
  }
  if (!line.deck.empty() || !line.overrides.empty())
    throw_usage("command line: --runs takes no deck and no section.key=value");
  if (line.runs.size() > 1 && line.output.empty())
    throw_usage("command line: several folders need --output FOLDER for their report");
}

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// An argument that is neither a command nor key=value is most often a misspelt command.
void check_words(const CommandLine& line) {
  for (const std::string& word : line.overrides) {
    if (word.find('=') != std::string::npos) continue;
    if (word.starts_with('-')) throw_usage("command line: unknown option {} (see recpo --help)", word);
    if (line.command) throw_usage("command line: '{}' is not of the form section.key=value", word);
    std::vector<std::string> names;
    for (const CommandHelp& command : kCommands) names.emplace_back(name_of(command.name));
    throw_usage("command line: '{}' is neither a command nor section.key=value; did you mean {}?", word,
                deck::nearest_name(word, names));
  }
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  std::string wall_limit;
  CLI::App app(kDescription, "recpo");
  app.footer(data_sets() + "\n" + objectives() + "\n" + kFooter);
  app.fallthrough();
  app.require_subcommand(0, 1);
  app.add_option("-i,--deck", line.deck, "input deck (TOML)");
  app.add_option("overrides", line.overrides, "section.key=value: changes the deck");
  app.add_option("-t,--time", wall_limit, "wall limit HH:MM:SS: save and stop in time (exit code 75)");
  app.add_flag("--print-deck", line.print_deck, "print every key with value, unit and origin, and end");
  app.add_flag("--print-reference", line.print_reference, "print every key with its default and meaning, and end");
  app.add_flag("--dry-run", line.dry_run, "check everything, print the plan, touch nothing");
  app.add_option("--node", line.node, "for plan and --dry-run: node description (TOML); left out: this machine");
  app.add_flag("--version", line.version, "print the version of recpo and of its libraries");
  for (const CommandHelp& known : kCommands) {
    CLI::App* command = app.add_subcommand(name_of(known.name), known.text);
    if (known.add_options != nullptr) known.add_options(*command, line);
  }
  try {
    app.parse(own_arguments(argc, argv));
  } catch (const CLI::CallForHelp&) {
    line.help = app.help();
    return line;
  } catch (const CLI::ParseError& error) {
    throw_usage("command line: {} (see recpo --help)", one_line(error.what()));
  }
  for (const CLI::App* command : app.get_subcommands()) line.command = find_value<CommandName>(command->get_name());
  check_words(line);
  check_study(line);
  check_init(line);
  if (!wall_limit.empty()) line.wall_limit_seconds = parse_wall_limit(wall_limit);
  return line;
}

}  // namespace recpo::commands
