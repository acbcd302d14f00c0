#include "src/train/metrics.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "src/support/check.hpp"

namespace recpo::train {

std::vector<SampleMetrics> gather_samples(parallel::Communicator& dp, const std::vector<SampleMetrics>& mine) {
  std::vector<SampleMetrics> all = parallel::gather_values(dp, mine);
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
  return all;
}

SampleMetrics mean_of(const std::vector<SampleMetrics>& samples) {
  using Sample = SampleMetrics;
  SampleMetrics mean;
  for (double Sample::*number : {&Sample::loss, &Sample::chosen_reward, &Sample::rejected_reward, &Sample::accuracy,
                                 &Sample::chosen_logp, &Sample::rejected_logp, &Sample::floored_margins}) {
    for (const SampleMetrics& sample : samples) mean.*number += sample.*number;
    mean.*number /= static_cast<double>(samples.size());
  }
  return mean;
}

namespace {
nlohmann::ordered_json to_json(const parallel::Traffic& traffic) {
  return {{"all_reduce", traffic.all_reduce},
          {"reduce_scatter", traffic.reduce_scatter},
          {"all_gather", traffic.all_gather}};
}
}  // namespace

nlohmann::ordered_json to_json(const StepMetrics& m) {
  nlohmann::ordered_json line;
  line["stage"] = m.stage;
  line["step"] = m.step;
  line["loss"] = m.loss;
  if (m.preferences) {
    line["rewards/chosen"] = m.mean.chosen_reward;
    line["rewards/rejected"] = m.mean.rejected_reward;
    line["rewards/margins"] = m.mean.chosen_reward - m.mean.rejected_reward;
    line["rewards/accuracies"] = m.mean.accuracy;
    line["logps/rejected"] = m.mean.rejected_logp;
    line["floored_margins"] = m.mean.floored_margins;
  }
  line["logps/chosen"] = m.mean.chosen_logp;
  line["grad_norm"] = m.grad_norm;
  line["learning_rate"] = m.learning_rate;
  line["epoch"] = m.epoch;
  line["num_tokens"] = m.num_tokens;
  line["step_ms"] = m.step_ms;
  line["comm_ms_tp"] = m.comm_ms_tp;
  line["comm_ms_dp"] = m.comm_ms_dp;
  line["optimizer_ms"] = m.optimizer_ms;
  line["tokens_per_second"] = m.tokens_per_second;
  line["tflops"] = m.flops_per_second / 1e12;
  line["fraction_of_gemm_rate"] = m.fraction_of_gemm_rate;
  line["comm_bytes_tp"] = m.sent.tp.total();
  line["comm_bytes_dp"] = m.sent.dp.total();
  line["comm_bytes"] = {{"tp", to_json(m.sent.tp)}, {"dp", to_json(m.sent.dp)}};
  if (m.skipped) line["skipped"] = true;
  if (m.validation) {
    line["eval_ranked_hr@1"] = m.validation->ranked_hit_rate;
    line["eval_mrr"] = m.validation->mrr;
    line["eval_loss"] = m.validation->loss;
  }
  return line;
}

std::string progress_note(const StepMetrics& m) {
  std::string note = fmt::format("loss {:.4f}", m.loss);
  if (m.preferences) {
    note += fmt::format("  margin {:+.3f}  accuracy {:.2f}", m.mean.chosen_reward - m.mean.rejected_reward,
                        m.mean.accuracy);
  }
  return note + fmt::format("  {:.0f} tok/s  {:.3f} TFLOP/s ({:.0f} % of GEMM)", m.tokens_per_second,
                            m.flops_per_second / 1e12, 100 * m.fraction_of_gemm_rate);
}

}  // namespace recpo::train
