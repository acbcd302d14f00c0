#pragma once
// Command lines of the scaling programs. Throws kUsage; --help is answered as an empty optional, its text on standard
// output.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace recpo::bench {

struct StepScalingOptions {
  std::string model = "tiny", objective = "recpo", recompute = "none", csv;
  std::int64_t layers = 0;  // 0: the model's own
  std::vector<int> tp = {1}, zero = {1};
  bool sequence_parallel = false;
  std::int64_t prompt = 512, answer = 12, negatives = 3, micro_batch_tokens = 4096;
  std::int64_t batch = 0, batch_per_rank = 0;  // one of them: strong or weak scaling
  int steps = 5, warmup = 2, from = 1;

  std::int64_t global_batch(int ranks) const { return batch_per_rank > 0 ? batch_per_rank * ranks : batch; }
};
std::optional<StepScalingOptions> parse_step_scaling(int argc, const char* const* argv);

struct CollectiveScalingOptions {
  std::string csv;
  std::int64_t max_bytes = std::int64_t{256} << 20;
  double seconds = 0.2;  // of repeats, for each size
};
std::optional<CollectiveScalingOptions> parse_collective_scaling(int argc, const char* const* argv);

}  // namespace recpo::bench
