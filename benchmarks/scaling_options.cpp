#include "benchmarks/scaling_options.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string_view>

#include "src/process/startup.hpp"
#include "src/support/check.hpp"

namespace recpo::bench {
namespace {
// Everything after the program's name that is not Kokkos's, in CLI11's order (last first). False: help was asked for.
bool parse(CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    if (!std::string_view(argv[i]).starts_with("--kokkos-")) arguments.emplace_back(argv[i]);
  }
  try {
    app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    if (process::launcher_rank() == 0) std::fputs(app.help().c_str(), stdout);
    return false;
  } catch (const CLI::ParseError& error) {
    throw_usage("command line: {} (see --help)", error.what());
  }
  return true;
}
}  // namespace

std::optional<StepScalingOptions> parse_step_scaling(int argc, const char* const* argv) {
  StepScalingOptions options;
  CLI::App app("Strong and weak scaling of a training step on 1, 2, 4, .. ranks: mpirun -np N scaling_step ...");
  const auto positive = CLI::PositiveNumber;
  app.add_option("--model", options.model, "tiny | smollm2-135m | llama-3.2-1b | llama-3.1-8b")->capture_default_str();
  app.add_option("--layers", options.layers, "layers instead of the model's own")->check(positive);
  app.add_option("--objective", options.objective)->check(CLI::IsMember({"sft", "recpo"}))->capture_default_str();
  app.add_option("--tp", options.tp, "tensor-parallel sizes, separated by commas")->delimiter(',')->check(positive);
  app.add_option("--zero", options.zero, "ZeRO levels, separated by commas")->delimiter(',')->check(CLI::Range(0, 2));
  app.add_option("--recompute", options.recompute)
      ->check(CLI::IsMember({"none", "selective", "block"}))
      ->capture_default_str();
  app.add_option("--sequence-parallel", options.sequence_parallel, "0 | 1");
  app.add_option("--prompt", options.prompt, "tokens of a prompt")->check(positive)->capture_default_str();
  app.add_option("--answer", options.answer, "tokens of an answer")->check(positive)->capture_default_str();
  app.add_option("--negatives", options.negatives, "dispreferred answers of a set (recpo)")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--micro-batch-tokens", options.micro_batch_tokens)->check(positive)->capture_default_str();
  auto* strong = app.add_option("--batch", options.batch, "rows of the global batch: strong scaling")->check(positive);
  auto* weak = app.add_option("--batch-per-rank", options.batch_per_rank, "rows a rank: weak scaling")->check(positive);
  weak->excludes(strong);
  app.add_option("--steps", options.steps, "steps measured")->check(positive)->capture_default_str();
  app.add_option("--warmup", options.warmup, "steps before")->check(CLI::NonNegativeNumber)->capture_default_str();
  app.add_option("--from", options.from, "smallest number of ranks, where fewer have not the memory")
      ->check(positive)
      ->capture_default_str();
  app.add_option("--csv", options.csv, "file of figures to write");
  if (!parse(app, argc, argv)) return std::nullopt;
  if (strong->empty() && weak->empty())
    throw_usage("command line: --batch (strong) or --batch-per-rank (weak) is missing");
  return options;
}

std::optional<CollectiveScalingOptions> parse_collective_scaling(int argc, const char* const* argv) {
  CollectiveScalingOptions options;
  CLI::App app("Bandwidth of collectives along both axes of every grid: mpirun -np N scaling_collectives ...");
  app.add_option("--max-bytes", options.max_bytes, "largest buffer")->check(CLI::Range(4096L, 1L << 32));
  app.add_option("--seconds", options.seconds, "of repeats, for each size")->check(CLI::PositiveNumber);
  app.add_option("--csv", options.csv, "file of figures to write");
  if (!parse(app, argc, argv)) return std::nullopt;
  return options;
}

}  // namespace recpo::bench
