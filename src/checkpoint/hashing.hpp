#pragma once
// SHA-256 of large files with a progress bar (which also feeds the watchdog), and the fingerprint of a model's weights.

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "src/checkpoint/shard_table.hpp"
#include "src/support/file.hpp"
#include "src/support/log.hpp"
#include "src/support/random.hpp"
#include "src/support/views.hpp"

namespace recpo::checkpoint {

// Counts bytes, shows MB.
class ByteProgress {
 public:
  ByteProgress(const std::string& title, std::int64_t bytes) : progress_(title, bytes / kBytesPerUnit, "MB") {}
  void advance(std::int64_t bytes) {
    progress_.advance((done_ + bytes) / kBytesPerUnit - done_ / kBytesPerUnit);
    done_ += bytes;
  }

 private:
  static constexpr std::int64_t kBytesPerUnit = 1'000'000;
  recpo::Progress progress_;
  std::int64_t done_ = 0;
};

// Hexadecimal; throws kBadInput when the file cannot be read.
inline std::string hash_file(const std::filesystem::path& path, ByteProgress& progress) {
  return sha256_file_hex(path, [&](std::int64_t bytes) { progress.advance(bytes); });
}

// 128-bit fingerprint of a model's weights; depends on every element and its global index, not on how it is sharded.
//
//   k    = mix(SplitMix64 stream of the parameter's name at the global flat index)
//   low  = sum over elements of mix(k xor bits)         mod 2^64
//   high = sum over elements of mix(c1 k + c2 bits + 1) mod 2^64, c1 and c2 odd
//
// with the element's own bit pattern (of bfloat16: of the float it stands for) and SplitMix64's finalizer (Steele, Lea,
// Flood 2014). Sums are order-independent, so ranks add what they write and any grid gives the same value. It
// identifies models (a run, its reference); integrity is the files' SHA-256.

class Fingerprint {
 public:
  static constexpr std::size_t kDigits = 32;

  Fingerprint() = default;
  Fingerprint(std::uint64_t low, std::uint64_t high) : low_(low), high_(high) {}
  std::uint64_t low() const { return low_; }
  std::uint64_t high() const { return high_; }
  std::string hex() const { return fmt::format("{:016x}{:016x}", high_, low_); }

  void add(const Fingerprint& other) {
    low_ += other.low_;
    high_ += other.high_;
  }

  // The elements of a range of a parameter that is `global_columns` wide unsharded.
  template <class T>
  void add(std::string_view parameter, std::int64_t global_columns, const Range& range, std::span<const T> values) {
    const std::uint64_t name = hash(parameter);
    for (const Rectangle& part : rectangles_of(range)) {
      if (part.empty()) continue;
      for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
        const T* first = values.data() + range.place(row, part.column_begin);
        add_run(name, static_cast<std::uint64_t>(row * global_columns + part.column_begin), first, part.columns());
      }
    }
  }

 private:
  static constexpr std::uint64_t kGamma = 0x9E3779B97F4A7C15u, kKeyFactor = 0xD1B54A32D192ED03u,
                                 kBitsFactor = 0xABC98388FB8FAC03u;

  static std::uint64_t hash(std::string_view name) {
    std::uint64_t state = name.size();
    for (const char c : name) state = mix_bits((state ^ static_cast<unsigned char>(c)) + kGamma);
    return state;
  }
  template <class T>
  void add_run(std::uint64_t name, std::uint64_t index, const T* values, std::int64_t count) {
    using Real = Accumulate<T>;
    using Bits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
    std::uint64_t low = 0, high = 0, state = name + kGamma * index;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::uint64_t bits = std::bit_cast<Bits>(static_cast<Real>(values[i])),
                          key = mix_bits(state + kGamma * static_cast<std::uint64_t>(i));
      low += mix_bits(key ^ bits);
      high += mix_bits(kKeyFactor * key + kBitsFactor * bits + 1);
    }
    low_ += low;
    high_ += high;
  }

  std::uint64_t low_ = 0, high_ = 0;
};

}  // namespace recpo::checkpoint
