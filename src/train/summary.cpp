#include "src/train/summary.hpp"

#include "src/support/log.hpp"
#include "src/support/memory.hpp"

namespace recpo::train {
namespace {
std::string bytes(std::int64_t n) { return format_bytes(static_cast<double>(n)); }

std::string axis_text(const char* axis, const parallel::Traffic& traffic) {
  return fmt::format("{} {} (all-reduce {}, reduce-scatter {}, all-gather {})", axis, bytes(traffic.total()),
                     bytes(traffic.all_reduce), bytes(traffic.reduce_scatter), bytes(traffic.all_gather));
}
}  // namespace

void StageSummary::add(const StepMetrics& step) {
  ++steps_;
  tokens_ += step.num_tokens;
  const double seconds = 1e-3 * step.step_ms;
  seconds_ += seconds;
  seconds_tp_ += 1e-3 * step.comm_ms_tp;
  seconds_dp_ += 1e-3 * step.comm_ms_dp;
  seconds_optimizer_ += 1e-3 * step.optimizer_ms;
  flops_ += step.flops_per_second * seconds;
  sent_.tp += step.sent.tp;
  sent_.dp += step.sent.dp;
}

std::string StageSummary::text(const std::string& stage, const RankMemory& memory) const {
  if (steps_ == 0) return "";
  std::string text = fmt::format("{}: {} steps in {}, {:.0f} tok/s, {:.3f} TFLOP/s; optimizer {:.1f} %", stage, steps_,
                                 format_duration(seconds_), static_cast<double>(tokens_) / seconds_,
                                 1e-12 * flops_ / seconds_, 100 * seconds_optimizer_ / seconds_);
  if (sent_.tp.total() + sent_.dp.total() > 0) {
    text += fmt::format(", communication that did not overlap: tp {:.1f} %, dp {:.1f} %\n{}: a rank sent {}, {}",
                        100 * seconds_tp_ / seconds_, 100 * seconds_dp_ / seconds_, stage, axis_text("tp", sent_.tp),
                        axis_text("dp", sent_.dp));
  }
  text += fmt::format(
      "\n{}: a rank held {}: weights {}, gradients {}, gradient leaves {}, {}moments {}, activations {}", stage,
      bytes(memory.total()), bytes(memory.weights), bytes(memory.gradients), bytes(memory.gradient_leaves),
      memory.master > 0 ? fmt::format("master weights {}, ", bytes(memory.master)) : "", bytes(memory.moments),
      bytes(memory.activations));
  if (const std::int64_t peak = peak_resident_bytes(); peak > 0)
    text += fmt::format("\n{}: the program had {} of host memory resident at most", stage, bytes(peak));
  return text;
}

}  // namespace recpo::train
