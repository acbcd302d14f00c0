#pragma once
// What a training stage holds on the device, as one block: sized by the plan and taken before anything is read, so that
// a stage that starts has all it will ever need, and one that cannot says so at once. While a block exists it is the
// program's one, and planned vectors (support/planned_vector.hpp) are parts of it. Not for several threads.

#include <map>
#include <new>
#include <string>
#include <utility>

#include "src/support/check.hpp"
#include "src/support/views.hpp"

namespace recpo {

// Not initialized. Throws std::bad_alloc when the device does not have so much.
template <class T>
OwnedVector<T> allocate_on_device(const std::string& label, std::int64_t size) {
  try {
    return OwnedVector<T>(Kokkos::view_alloc(label, Kokkos::WithoutInitializing), static_cast<std::size_t>(size));
  } catch (const std::runtime_error&) {  // Kokkos' word for it
    throw std::bad_alloc();
  }
}

class DeviceMemory {
 public:
  static constexpr std::int64_t kAlignment = 256;  // of every part, bytes: that of cudaMalloc
  static constexpr std::int64_t kMostParts = 64;   // for whose rounding the block has room beyond `bytes`

  // Throws std::bad_alloc when the device does not have so much.
  explicit DeviceMemory(std::int64_t bytes)
      : memory_(allocate_on_device<std::byte>("recpo::device_memory", bytes + (kMostParts + 1) * kAlignment)) {
    RECPO_REQUIRE(current_ == nullptr);
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    const auto begin = static_cast<std::int64_t>((kAlignment - address % kAlignment) % kAlignment);
    gaps_[begin] = static_cast<std::int64_t>(memory_.extent(0)) - begin;
    current_ = this;
  }
  // All parts have been given back.
  ~DeviceMemory() { current_ = nullptr; }
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  static DeviceMemory* current() { return current_; }  // null where there is none

  // Bytes of the first gap that is large enough; null where there is none. Where something was given back, waits for
  // the device, which may still be using it.
  std::byte* take(std::int64_t bytes) {
    const std::int64_t size = round_up(bytes);
    for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
      const auto [begin, room] = *gap;
      if (room < size) continue;
      if (std::exchange(may_be_in_use_, false)) Kokkos::fence("recpo::device_memory::take");
      gaps_.erase(gap);
      if (room > size) gaps_[begin + size] = room - size;
      taken_ += size;
      return memory_.data() + begin;
    }
    refused_ += bytes;
    return nullptr;
  }

  // Waits for nothing: objects also give back on the way out of a failure.
  void give_back(std::byte* part, std::int64_t bytes) {
    may_be_in_use_ = true;
    const std::int64_t size = round_up(bytes);
    taken_ -= size;
    const auto gap = gaps_.emplace(part - memory_.data(), size).first;
    if (gap != gaps_.begin() && join(std::prev(gap))) return;
    join(gap);
  }

  std::int64_t bytes_taken() const { return taken_; }      // now; each part rounded up
  std::int64_t bytes_refused() const { return refused_; }  // ever asked for without finding room
  std::size_t gaps() const { return gaps_.size(); }

 private:
  static std::int64_t round_up(std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

  using Gaps = std::map<std::int64_t, std::int64_t>;  // first byte -> size

  // A gap and those that begin where it ends become one.
  bool join(Gaps::iterator gap) {
    bool joined = false;
    for (auto next = std::next(gap); next != gaps_.end() && gap->first + gap->second == next->first;) {
      gap->second += next->second;
      next = gaps_.erase(next);
      joined = true;
    }
    return joined;
  }

  inline static DeviceMemory* current_ = nullptr;
  OwnedVector<std::byte> memory_;
  Gaps gaps_;
  std::int64_t taken_ = 0, refused_ = 0;
  bool may_be_in_use_ = false;  // something that was given back
};

}  // namespace recpo
