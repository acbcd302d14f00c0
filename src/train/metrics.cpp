#include "src/train/metrics.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>
#include <type_traits>

#include "src/support/check.hpp"
#include "src/support/file.hpp"

namespace recpo::train {

std::vector<SampleMetrics> gather_samples(parallel::Communicator& dp, const std::vector<SampleMetrics>& mine) {
  static_assert(std::is_trivially_copyable_v<SampleMetrics>);
  std::string bytes(mine.size() * sizeof(SampleMetrics), '\0');
  std::memcpy(bytes.data(), mine.data(), bytes.size());
  std::vector<SampleMetrics> all;
  for (const std::string& part : dp.all_gather(bytes)) {
    const std::size_t begin = all.size();
    all.resize(begin + part.size() / sizeof(SampleMetrics));
    std::memcpy(all.data() + begin, part.data(), part.size());
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
  return all;
}

SampleMetrics mean_of(const std::vector<SampleMetrics>& samples) {
  SampleMetrics sum;
  for (const SampleMetrics& s : samples) {
    sum.loss += s.loss;
    sum.chosen_reward += s.chosen_reward;
    sum.rejected_reward += s.rejected_reward;
    sum.accuracy += s.accuracy;
    sum.chosen_logp += s.chosen_logp;
    sum.rejected_logp += s.rejected_logp;
    sum.floored_margins += s.floored_margins;
  }
  const auto n = static_cast<double>(samples.size());
  return {0,
          sum.loss / n,
          sum.chosen_reward / n,
          sum.rejected_reward / n,
          sum.accuracy / n,
          sum.chosen_logp / n,
          sum.rejected_logp / n,
          sum.floored_margins / n};
}

namespace {
nlohmann::ordered_json to_json(const parallel::Traffic& traffic) {
  return {{"all_reduce", traffic.all_reduce},
          {"reduce_scatter", traffic.reduce_scatter},
          {"all_gather", traffic.all_gather}};
}
}  // namespace

std::string to_json_line(const StepMetrics& m) {
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
  return line.dump() + "\n";  // non-finite numbers become null
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

void rewind_metrics(const std::filesystem::path& file, const std::string& stage, std::int64_t step) {
  if (!std::filesystem::exists(file)) return;
  std::istringstream lines(read_file(file));
  std::string kept, line;
  bool changed = false;
  while (std::getline(lines, line)) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    const bool whole = json.is_object() && json.contains("stage") && json["stage"].is_string() &&
                       json.contains("step") && json["step"].is_number_integer();
    const bool drop = !whole || (json["stage"] == stage && json["step"].get<std::int64_t>() > step);
    if (drop) {
      changed = true;
    } else {
      kept += line + "\n";
    }
  }
  if (changed) write_file(file, kept);
}

}  // namespace recpo::train
