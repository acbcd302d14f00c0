#pragma once
// Random numbers that are a pure function of (seed, stream, index): the same on every machine, for every number
// of ranks, and after a restart. SplitMix64 (Steele, Lea, Flood 2014) mixes the key; no std:: distribution is
// used, because their results differ between standard libraries.

#include <cmath>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

namespace recpo {

// SplitMix64's finalizer, for host and device: a bijection that turns counters into random bits.
constexpr std::uint64_t mix_bits(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

class Random {
 public:
  // `stream` names the use ("candidates", "shuffle", ...), `index` the row, epoch or step it belongs to.
  Random(std::uint64_t seed, std::string_view stream, std::uint64_t index = 0) : state_(mix_bits(seed)) {
    for (const char c : stream) state_ = mix_bits(state_ ^ static_cast<unsigned char>(c));
    state_ = mix_bits(state_ ^ index);
  }

  std::uint64_t next() { return mix_bits(state_ += kGamma); }

  // Uniform in [0, bound), bound > 0; exact (rejection of the incomplete last interval).
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t limit = ~std::uint64_t{0} - (~std::uint64_t{0} % bound + 1) % bound;
    std::uint64_t value = next();
    while (value > limit) value = next();
    return value % bound;
  }

  // Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

  // Standard normal (Box-Muller, one of the pair).
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

  template <class T>
  void shuffle(std::vector<T>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  static constexpr std::uint64_t kGamma = 0x9E3779B97F4A7C15u;
  std::uint64_t state_;
};

}  // namespace recpo
