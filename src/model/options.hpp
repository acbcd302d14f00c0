#pragma once
// Choices of a deck's section [model]: storage type, recomputation, and the low-rank adapters of [model.lora].

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "src/support/keys.hpp"

namespace recpo::model {

// Storage type of weights and activations (support/views.hpp): fp32, or bf16 with fp32 sums and master weights.
enum class Precision : std::uint8_t { kAuto, kFp32, kBf16 };  // auto: bf16 on a GPU, fp32 on the CPU
constexpr auto names_of(Precision) { return std::array{"auto", "fp32", "bf16"}; }

// What is computed again in the backward pass instead of being kept (decoder_memory.hpp).
enum class Recompute : std::uint8_t { kNone, kSelective, kBlock };
constexpr auto names_of(Recompute) { return std::array{"none", "selective", "block"}; }

// What may have an adapter (lora.hpp).
enum class Projection : std::uint8_t { kQ, kK, kV, kO, kGate, kUp, kDown };
inline constexpr std::size_t kProjections = 7;

struct LoraOptions {
  std::int64_t rank = 0;  // 0: no adapters
  double alpha = 32.0, dropout = 0.0;
  std::vector<std::string> targets = {"q", "k", "v", "o", "gate", "up", "down"};

  void declare(Keys& key) {
    key("rank", rank, "rank of low-rank adapters; 0 = full fine-tuning").at_least(0);
    key("alpha", alpha, "adapters are scaled by alpha / rank").above(0);
    key("dropout", dropout, "dropout probability of the adapters' input").at_least(0).below(1);
    key("targets", targets, "projections that get an adapter").one_of(LoraOptions{}.targets);
  }

  bool exists() const { return rank > 0; }
  double scale() const { return alpha / static_cast<double>(rank); }
  bool has(Projection projection) const;
  friend bool operator==(const LoraOptions&, const LoraOptions&) = default;
};

// "q" -> "self_attn.q_proj"
const char* short_name(Projection projection);
const char* module_name(Projection projection);

}  // namespace recpo::model
