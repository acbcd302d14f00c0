#pragma once
// Keys of a deck's section [optimizer], and the learning-rate schedules it chooses from.

#include <cstdint>
#include <string>

#include "src/support/keys.hpp"

namespace recpo::optim {

enum class Schedule : std::uint8_t { kCosine, kConstant };
constexpr auto names_of(Schedule) { return std::array{"cosine", "constant"}; }

enum class Moments : std::uint8_t { kFp32, kBf16 };  // fp32: the precision of the weights
constexpr auto names_of(Moments) { return std::array{"fp32", "bf16"}; }

struct OptimizerOptions {
  double lr = 1e-5, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0.0;
  Schedule schedule = Schedule::kCosine;
  double warmup_fraction = 0.05, clip = 1.0;
  Moments moments = Moments::kFp32;
  bool has_bf16_moments() const { return moments == Moments::kBf16; }

  void declare(Keys& key) {
    key("lr", lr, "peak learning rate (AdamW)").at_least(0);
    key("beta1", beta1, "decay of the first moment").at_least(0).below(1);
    key("beta2", beta2, "decay of the second moment").at_least(0).below(1);
    key("eps", eps, "added to the bias-corrected root of the second moment").at_least(0);
    key("weight_decay", weight_decay, "decoupled weight decay of matrices and embeddings").at_least(0);
    key("schedule", schedule, "learning rate after the warm-up; cosine ends at 0");
    key("warmup_fraction", warmup_fraction, "share of the steps with a rising rate, rounded up").between(0, 1);
    key("clip", clip, "maximum global gradient norm; 0 = off").at_least(0);
    key("moments", moments, "storage of the moments; fp32 is the precision of the weights");
  }
};

// Transformers' get_cosine_schedule_with_warmup (half a cosine to 0): factor of lr for optimizer step `step` (from 0);
// warm-up steps = ceil(warmup_fraction * total_steps), so the first rate is 0 when there is a warm-up.
double schedule_factor(const OptimizerOptions& options, std::int64_t step, std::int64_t total_steps);

}  // namespace recpo::optim
