#include "src/app/input/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <string_view>

#include "src/app/input/nearest_name.hpp"
#include "src/data/prepare.hpp"
#include "src/support/check.hpp"

namespace recpo::app {
namespace {

struct CommandHelp {
  const char* name;
  const char* text;
};
constexpr CommandHelp kCommands[] = {
    {"run", "the deck's stages in order, skipping what is done for the same inputs"},
    {"prepare", "raw data -> rows.h5 (frozen rows, tokens)"},
    {"import", "model folder -> native checkpoint"},
    {"export", "any model -> Hugging Face folder"},
    {"reference", "reference log-probs of the alignment rows -> reference.h5"},
    {"sft", "supervised fine-tuning; resumes from the newest whole checkpoint"},
    {"align", "preference alignment (dpo, simpo, s-dpo, recpo); resumes likewise"},
    {"score", "log-probs of completions: JSONL in, JSONL out"},
    {"generate", "greedy continuation of a prompt"},
    {"evaluate", "evaluation.json and predictions.jsonl"},
    {"baseline", "trains and evaluates a traditional recommender (baseline.model) on the same rows"},
    {"plan", "memory, communication and time of all layouts on a node, best first"},
    {"sweep", "every cell of a deck's [sweep]: decks x values, what they share is made once"},
    {"report", "tables and figures of the deck's run, or with --runs of a study of many runs"},
    {"inspect", "what is in a file or checkpoint of ours, and whether it is whole"},
};

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

void add_options_of(CLI::App& command, CommandLine& line) {
  const std::string name = command.get_name();
  const auto needs = [&](const char* option, std::string& target, const char* help) {
    command.add_option(option, target, help)->required();
  };
  if (name == "prepare") {
    command.add_option("--export", line.export_rows, "also write the rows as JSONL to this file");
    command.footer(data_sets());
  }
  if (name == "import" || name == "export" || name == "score" || name == "generate") {
    needs("--model", line.model, "native checkpoint, its parent folder, or Hugging Face folder");
  }
  if (name == "import") needs("--output", line.output, "folder of the native checkpoint to write");
  if (name == "export") needs("--output", line.output, "Hugging Face folder to write");
  if (name == "export") {
    command.add_option("--dtype", line.dtype, "of the tensors; auto: the one that keeps every bit")
        ->check(CLI::IsMember({"auto", "float32", "bfloat16", "float16"}))
        ->capture_default_str();
    command.add_flag("--adapters", line.adapters_only, "the adapters alone, as PEFT does; otherwise they are merged");
    command.add_option("--max-shard-bytes", line.max_shard_bytes, "of a file of weights; a larger tensor stands alone")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
  }
  if (name == "score") {
    needs("--input", line.input, "JSONL: {\"prompt\": text, \"completions\": [text ..]}");
    needs("--output", line.output, "JSONL: {\"logp\": [..], \"tokens\": [..]}");
  }
  if (name == "generate") {
    command.add_option("--prompt", line.prompt, "text to continue");
    command.add_option("--input", line.input, "JSONL: {\"prompt\": text}; one continuation a line");
    command.add_option("--max-new-tokens", line.max_new_tokens, "tokens")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
  }
  if (name == "sweep") {
    command.add_flag("--list", line.list, "list the cells with their numbers, groups and states, and end");
    command.add_option("--cell", line.cell, "run this cell alone (for job arrays)");
    command.add_option("--shared", line.shared, "make what the cells of this group share (rows, SFT), no more");
  }
  if (name == "report") {
    command.add_option("--runs", line.runs,
                       "folders of a study: run folders, or folders with run folders at any depth");
    command.add_option("--output", line.output, "of --runs: folder of its report; left out: report in the only folder");
  }
  if (name == "inspect") needs("path", line.path, "file or folder");
}

// Everything after the program's name that is not Kokkos's, in CLI11's order (last first).
std::vector<std::string> own_arguments(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    if (!std::string_view(argv[i]).starts_with("--kokkos-")) arguments.emplace_back(argv[i]);
  }
  return arguments;
}

// What a study is made of comes from its folders, not from a deck.
void check_study(const CommandLine& line) {
  if (line.runs.empty()) {
    if (line.command == "report" && !line.output.empty())
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

// A word that is neither a command nor key=value is most often a misspelt command.
void check_words(const CommandLine& line) {
  for (const std::string& word : line.overrides) {
    if (word.find('=') != std::string::npos) continue;
    if (word.starts_with('-')) throw_usage("command line: unknown option {} (see recpo --help)", word);
    if (!line.command.empty()) throw_usage("command line: '{}' is not of the form section.key=value", word);
    std::vector<std::string> names;
    for (const CommandHelp& command : kCommands) names.emplace_back(command.name);
    throw_usage("command line: '{}' is neither a command nor section.key=value; did you mean {}?", word,
                nearest_name(word, names));
  }
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  std::string wall_limit;
  CLI::App app(kDescription, "recpo");
  app.footer(data_sets() + "\n" + kFooter);
  app.fallthrough();
  app.require_subcommand(0, 1);
  app.add_option("-i,--deck", line.deck, "input deck (TOML)");
  app.add_option("overrides", line.overrides, "section.key=value: changes the deck");
  app.add_option("-t,--time", wall_limit, "wall limit HH:MM:SS: save and stop in time (exit code 75)");
  app.add_flag("--print-deck", line.print_deck, "print every key with value, unit and origin, and end");
  app.add_flag("--dry-run", line.dry_run, "check everything, print the plan, touch nothing");
  app.add_option("--node", line.node, "for plan and --dry-run: node description (TOML); left out: this machine");
  app.add_flag("--version", line.version, "print the version of recpo and of its libraries");
  for (const CommandHelp& command : kCommands) add_options_of(*app.add_subcommand(command.name, command.text), line);
  try {
    app.parse(own_arguments(argc, argv));
  } catch (const CLI::CallForHelp&) {
    line.help = app.help();
    return line;
  } catch (const CLI::ParseError& error) {
    throw_usage("command line: {} (see recpo --help)", one_line(error.what()));
  }
  for (const CLI::App* command : app.get_subcommands()) line.command = command->get_name();
  check_words(line);
  check_study(line);
  if (!wall_limit.empty()) line.wall_limit_seconds = parse_wall_limit(wall_limit);
  return line;
}

}  // namespace recpo::app
