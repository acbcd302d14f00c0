#pragma once
// The command line: recpo [COMMAND] [-i DECK] [section.key=value ...] [options]. Parsing reads no files and prints
// nothing.

#include <optional>
#include <string>
#include <vector>

#include "src/checkpoint/safetensors.hpp"
#include "src/support/enum_names.hpp"

namespace recpo::commands {

enum class CommandName : std::uint8_t {
  kInit,
  kRun,
  kPrepare,
  kImport,
  kExport,
  kReference,
  kSft,
  kAlign,
  kScore,
  kGenerate,
  kEvaluate,
  kBaseline,
  kPlan,
  kSweep,
  kReport,
  kInspect
};
constexpr auto names_of(CommandName) {
  return std::array{"init",  "run",      "prepare",  "import",   "export", "reference", "sft",    "align",
                    "score", "generate", "evaluate", "baseline", "plan",   "sweep",     "report", "inspect"};
}

struct CommandLine {
  std::optional<CommandName> command;  // none: the built-in pipeline without a deck, otherwise `run`
  std::string deck;                    // -i
  std::vector<std::string> overrides;
  bool print_deck = false, print_reference = false, dry_run = false, version = false;
  std::string help;                          // asked for: the text to print
  std::optional<double> wall_limit_seconds;  // -t

  std::string model, input, output;        // init, import, export, score, generate, report
  std::optional<std::string> prompt;       // generate
  long max_new_tokens = 64;                // generate
  std::optional<checkpoint::Dtype> dtype;  // export; none: the one that keeps every bit
  long max_shard_bytes = 5'000'000'000;    // export
  bool adapters_only = false;              // export
  std::string export_rows;                 // prepare
  std::string path;                        // init, inspect
  bool list = false;                       // sweep: the cells, nothing is run
  std::string cell;                        // sweep: this cell alone, by number or name
  std::optional<long> shared;              // sweep: what this group shares
  std::vector<std::string> runs;           // report: folders of a study
  std::optional<double> watch_seconds;     // report: written again that often while a run goes on
  std::string node;                        // plan, --dry-run: file; empty: this machine

  bool builtin() const { return !command && deck.empty(); }
  bool is(CommandName name) const { return command.value_or(CommandName::kRun) == name; }
};

// Throws kUsage with one line. --kokkos-* arguments are left to Kokkos.
CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace recpo::commands
