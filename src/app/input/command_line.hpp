#pragma once
// The command line: recpo [COMMAND] [-i DECK] [section.key=value ...] [options]. Parsing reads no files and prints
// nothing.

#include <optional>
#include <string>
#include <vector>

namespace recpo::app {

struct CommandLine {
  std::string command;  // empty: the built-in pipeline without a deck, otherwise `run`
  std::string deck;     // -i
  std::vector<std::string> overrides;
  bool print_deck = false, dry_run = false, version = false;
  std::string help;                          // asked for: the text to print
  std::optional<double> wall_limit_seconds;  // -t

  std::string model, input, output;      // import, export, score, generate, report
  std::optional<std::string> prompt;     // generate
  long max_new_tokens = 64;              // generate
  std::string dtype = "auto";            // export
  long max_shard_bytes = 5'000'000'000;  // export
  bool adapters_only = false;            // export
  std::string export_rows;               // prepare
  std::string path;                      // inspect
  bool list = false;                     // sweep: the cells, nothing is run
  std::optional<long> cell, shared;      // sweep: this cell alone; what this group shares
  std::vector<std::string> runs;         // report: folders of a study
  std::string node;                      // plan, --dry-run: file; empty: this machine

  bool builtin() const { return command.empty() && deck.empty(); }
};

// Throws kUsage with one line. --kokkos-* arguments are left to Kokkos.
CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace recpo::app
