// Strong and weak scaling of a training step: every grid of 1, 2, 4, .. N ranks in one launch, on random rows of equal
// length and random weights. A step's time is the slowest rank's, from the batch to the fenced update; its phases are
// those of the median step. Efficiency: tokens a second and rank against the first line.
//   mpirun -np 8 scaling_step --model llama-3.2-1b --tp 1,2 --zero 1,2 --batch 64 --csv strong.csv

#include <fmt/format.h>

#include "benchmarks/scaling_options.hpp"
#include "benchmarks/scaling_program.hpp"
#include "src/model/parameter_store.hpp"
#include "src/support/random.hpp"
#include "src/train/step.hpp"

namespace recpo::bench {
namespace {

using Options = StepScalingOptions;

struct Layout {
  int ranks = 1, tp = 1, zero = 0;
};

struct Result {
  double min_ms = 0;
  train::StepMetrics median;

  double compute_ms() const {
    return std::max(0.0, median.step_ms - median.comm_ms_tp - median.comm_ms_dp - median.optimizer_ms);
  }
};

data::RowFile random_rows(const Options& options, std::int64_t count, std::int64_t vocabulary) {
  data::RowFile file;
  for (std::int64_t i = 0; i < count; ++i) {
    Random random(1, "scaling_step", static_cast<std::uint64_t>(i));
    const auto tokens = [&](std::int64_t n) {
      std::vector<std::int32_t> ids(static_cast<std::size_t>(n));
      for (auto& id : ids) id = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary)));
      return ids;
    };
    data::Row row;
    row.id = i;
    row.prompt_ids = tokens(options.prompt);
    for (int k = 0; k <= static_cast<int>(options.negatives); ++k) {
      data::Candidate candidate;
      candidate.rating = 5.0 - k % 5;
      row.candidates.push_back(candidate);
      row.answer_ids.push_back(tokens(options.answer));
      if (k > 0) row.negatives.push_back(k);
    }
    file.rows.push_back(row);
  }
  return file;
}

train::Stage make_stage(const Options& options, const Layout& layout) {
  train::Stage stage;
  stage.kind = options.objective == "sft" ? train::StageKind::kSft : train::StageKind::kAlign;
  stage.options.global_batch = options.global_batch(layout.ranks);
  stage.options.micro_batch_tokens = options.micro_batch_tokens;
  stage.recompute = *find_value<model::Recompute>(options.recompute);
  stage.parallel.tp = layout.tp;
  stage.parallel.zero = layout.zero;
  stage.parallel.sequence_parallel = options.sequence_parallel;
  return stage;
}

model::LlamaConfig make_config(const Options& options) {
  model::LlamaConfig config = model::named_config(options.model);
  if (options.layers > 0) config.num_hidden_layers = options.layers;
  return config;
}

// Collective over the grid.
Result measure(const Options& options, const Layout& layout, const parallel::ProcessGrid& grid,
               const train::Heartbeat& heartbeat) {
  const train::Stage stage = make_stage(options, layout);
  const model::LlamaConfig config = make_config(options);
  const data::RowFile rows = random_rows(options, stage.options.global_batch, config.vocab_size);
  const int negatives = stage.kind == train::StageKind::kSft ? 0 : static_cast<int>(options.negatives);
  const train::SampleSet set = train::training_samples(rows, negatives);
  train::ReferenceLogps reference;
  for (const data::Row& row : rows.rows) reference[row.id].assign(static_cast<std::size_t>(1 + negatives), -20.0);

  heartbeat("random weights");
  const auto store = train::training_store<float>(config, stage.parallel, stage.lora, grid);
  model::initialize_weights(config, 1, *store);
  optim::AdamW<float> optimizer(stage.optimizer, *store,
                                train::DataParallel<float>::owned(*store, layout.zero, *grid.dp));
  train::TrainingStep<float> step(stage, set.samples, reference, config, *store, optimizer, grid, 1000, heartbeat);
  std::vector<train::StepMetrics> measured;
  for (int s = 0; s < options.warmup + options.steps; ++s) {
    const train::StepMetrics metrics = step.run(s);
    if (metrics.skipped) throw_error(ExitCode::kNumerics, "step {}: the loss or the gradient is not finite", s);
    if (s >= options.warmup) measured.push_back(metrics);
  }
  step.settle();
  std::sort(measured.begin(), measured.end(), [](const auto& a, const auto& b) { return a.step_ms < b.step_ms; });
  return {measured.front().step_ms, measured[(measured.size() - 1) / 2]};
}

constexpr const char* kHeader =
    "model,layers,objective,scaling,ranks,threads,tp,dp,zero,recompute,sequence_parallel,prompt,answer,negatives,"
    "global_batch,steps,step_ms_min,step_ms_median,compute_ms,comm_tp_ms,comm_dp_ms,optimizer_ms,tokens_per_second,"
    "tflops,of_gemm_rate,sent_tp_bytes,sent_dp_bytes,efficiency";
constexpr const char* kTableHeader =
    "ranks  tp  dp zero  batch | min ms  median  compute  comm tp  comm dp  optim. |  tokens/s  TFLOP/s  of GEMM | MB "
    "sent tp      dp | efficiency\n";

class Report {
 public:
  Report(const Options& options, const Program& program)
      : options_(options), threads_(program.runtime.threads()), csv_(program.prints() ? options.csv : "", kHeader) {
    if (program.prints()) std::fputs(kTableHeader, stdout);
  }

  void add(const Layout& layout, const Result& result) {
    const train::StepMetrics& m = result.median;
    const double rate = m.tokens_per_second / layout.ranks;
    if (base_rate_ == 0) base_rate_ = rate;
    const int dp = layout.ranks / layout.tp;
    const std::int64_t batch = options_.global_batch(layout.ranks);
    fmt::print("{:>5} {:>3} {:>3} {:>4} {:>6} | {:>6.1f} {:>7.1f}  {:>7.1f}  {:>7.1f}  {:>7.1f}  {:>6.1f} |",
               layout.ranks, layout.tp, dp, layout.zero, batch, result.min_ms, m.step_ms, result.compute_ms(),
               m.comm_ms_tp, m.comm_ms_dp, m.optimizer_ms);
    fmt::print("{:>10.0f} {:>8.3f} {:>8.1f}% | {:>10.2f} {:>7.2f} | {:>9.1f}%\n", m.tokens_per_second,
               1e-12 * m.flops_per_second, 100 * m.fraction_of_gemm_rate, megabytes(m.sent.tp), megabytes(m.sent.dp),
               100 * rate / base_rate_);
    std::fflush(stdout);
    csv_.line(fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.2f},{:.6f},"
        "{:.5f},{},{},{:.5f}",
        options_.model, make_config(options_).num_hidden_layers, options_.objective,
        options_.batch_per_rank > 0 ? "weak" : "strong", layout.ranks, threads_, layout.tp, dp, layout.zero,
        options_.recompute, options_.sequence_parallel ? 1 : 0, options_.prompt, options_.answer,
        options_.objective == "sft" ? 0 : options_.negatives, batch, options_.steps, result.min_ms, m.step_ms,
        result.compute_ms(), m.comm_ms_tp, m.comm_ms_dp, m.optimizer_ms, m.tokens_per_second,
        1e-12 * m.flops_per_second, m.fraction_of_gemm_rate, m.sent.tp.total(), m.sent.dp.total(), rate / base_rate_));
  }

 private:
  static double megabytes(const parallel::Traffic& sent) { return 1e-6 * static_cast<double>(sent.total()); }

  const Options& options_;
  const int threads_;
  CsvFile csv_;
  double base_rate_ = 0;
};

void measure_all(const Options& options, const Program& program) {
  make_config(options);  // a model that is not known is named before anything is measured
  if (program.runtime.size() > 1) print_bandwidth(program);
  std::optional<Report> report;
  if (!together(program, [&] { report.emplace(options, program); })) return;
  const train::Heartbeat heartbeat = [&](const char* phase) { program.watchdog.beat(phase); };
  for (const int ranks : rank_counts(options.from, program.runtime.size())) {
    for (const int tp : options.tp) {
      if (ranks % tp != 0) continue;
      const parallel::ProcessGrid grid = parallel::make_process_grid(parallel::Backend::kAuto, tp, ranks);
      for (const int zero : options.zero) {
        const Layout layout{ranks, tp, zero};
        const bool well = together(program, [&] {
          if (!grid.world) return;
          const Result result = measure(options, layout, grid, heartbeat);
          if (program.prints()) report->add(layout, result);
        });
        if (!well) return;
      }
    }
  }
}

}  // namespace
}  // namespace recpo::bench

int main(int argc, char** argv) {
  return recpo::bench::run_program(argc, argv, recpo::bench::parse_step_scaling, recpo::bench::measure_all);
}
