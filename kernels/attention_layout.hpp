#pragma once
// Where the fused form of attention finds its rows (attention_fused.hpp, cudnn/attention_plan.hpp). cuDNN's backward
// repeats to the bit on packed rows of some GPUs only (compute capability 9, not 8), on padded rows of all.

namespace recpo::kernels {

enum class AttentionLayout {
  kPacked,  // where they are: one tree's rows behind another's
  kPadded,  // in a copy [B, S, ..] with zeros behind each tree's rows
};

}  // namespace recpo::kernels
