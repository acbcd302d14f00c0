#pragma once
// Device memory of a training stage: MemoryPool, one allocation of the planned size; PoolVector, a vector that is part
// of it; Arena, several vectors in one allocation whose size is planned first.

#include <cstdint>
#include <fstream>
#include <map>
#include <new>
#include <string>
#include <utility>

#include "src/support/check.hpp"
#include "src/support/views.hpp"

namespace recpo {
// For a failure with messages under way, which go on reading and writing: from this call on vectors and pools that are
// destroyed leave their memory as it is until the process ends.
inline bool g_memory_stays = false;
inline void keep_memory_until_exit() { g_memory_stays = true; }

// One more owner, which nobody destroys.
template <class View>
void leave_memory(const View& view) {
  if (g_memory_stays && view.size() > 0) static_cast<void>(new View(view));
}

// Not initialized. Throws std::bad_alloc when the device does not have so much.
template <class T>
OwnedVector<T> allocate_on_device(const std::string& label, std::int64_t size) {
  try {
    return OwnedVector<T>(Kokkos::view_alloc(label, Kokkos::WithoutInitializing), static_cast<std::size_t>(size));
  } catch (const std::runtime_error&) {  // thrown by Kokkos
    throw std::bad_alloc();
  }
}

// One block for everything a training stage holds on the device, allocated before anything is read: a stage that does
// not fit fails at once, with the planned bytes. At most one exists at a time; PoolVectors are parts of it while it
// lives. Not thread-safe.
class MemoryPool {
 public:
  static constexpr std::int64_t kAlignment = 256;  // of every part, bytes: that of cudaMalloc
  static constexpr std::int64_t kMaxParts = 64;    // for whose rounding the block has room beyond `bytes`

  // Throws std::bad_alloc when the device does not have so much.
  explicit MemoryPool(std::int64_t bytes)
      : memory_(allocate_on_device<std::byte>("recpo::memory_pool::block", bytes + (kMaxParts + 1) * kAlignment)) {
    RECPO_REQUIRE(current_ == nullptr);
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    const auto begin = static_cast<std::int64_t>((kAlignment - address % kAlignment) % kAlignment);
    gaps_[begin] = static_cast<std::int64_t>(memory_.extent(0)) - begin;
    current_ = this;
  }
  // All parts have been given back.
  ~MemoryPool() {
    current_ = nullptr;
    leave_memory(memory_);
  }
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  static MemoryPool* current() { return current_; }  // null where there is none

  // Bytes of the first gap that is large enough; null where there is none. Where something was given back, waits for
  // the device, which may still be using it.
  std::byte* take(std::int64_t bytes) {
    const std::int64_t size = round_up(bytes, kAlignment);
    for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
      const auto [begin, room] = *gap;
      if (room < size) continue;
      if (std::exchange(may_be_in_use_, false)) Kokkos::fence("recpo::memory_pool::take");
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
    const std::int64_t size = round_up(bytes, kAlignment);
    taken_ -= size;
    const auto gap = gaps_.emplace(part - memory_.data(), size).first;
    if (gap != gaps_.begin() && join(std::prev(gap))) return;
    join(gap);
  }

  std::int64_t bytes_taken() const { return taken_; }      // now; each part rounded up
  std::int64_t bytes_refused() const { return refused_; }  // ever asked for without finding room
  std::size_t gaps() const { return gaps_.size(); }

 private:
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

  inline static MemoryPool* current_ = nullptr;
  OwnedVector<std::byte> memory_;
  Gaps gaps_;
  std::int64_t taken_ = 0, refused_ = 0;
  bool may_be_in_use_ = false;  // something that was given back
};

// A device vector that owns its memory: part of the stage's MemoryPool where one exists and has room, otherwise an
// allocation of its own (evaluation, tests). Moved, never copied.
//   const PoolVector<float> weights("recpo::weights", size);                   // zeros
//   const auto sums = PoolVector<float>::uninitialized("recpo::sums", size);
//   Vector<float> view = sums.view();
template <class T>
class PoolVector {
 public:
  PoolVector() = default;
  PoolVector(const std::string& label, std::int64_t size) : PoolVector(uninitialized(label, size)) {
    Kokkos::deep_copy(view_, T());
  }
  static PoolVector uninitialized(const std::string& label, std::int64_t size) {
    PoolVector vector;
    MemoryPool* block = MemoryPool::current();
    std::byte* part = block != nullptr && size > 0 ? block->take(size * kElement) : nullptr;
    if (part != nullptr) {
      vector.block_ = block;
      vector.view_ = Vector<T>(reinterpret_cast<T*>(part), static_cast<std::size_t>(size));
    } else {
      vector.own_ = allocate_on_device<T>(label, size);
      vector.view_ = vector.own_;
    }
    return vector;
  }

  PoolVector(PoolVector&& other) noexcept { swap(other); }
  PoolVector& operator=(PoolVector&& other) noexcept {
    PoolVector(std::move(other)).swap(*this);
    return *this;
  }
  ~PoolVector() {
    leave_memory(own_);
    if (block_ != nullptr && !g_memory_stays) block_->give_back(reinterpret_cast<std::byte*>(data()), bytes());
  }

  const Vector<T>& view() const { return view_; }
  Vector<T> part(std::int64_t begin, std::int64_t size) const {
    return Vector<T>(data() + begin, static_cast<std::size_t>(size));
  }
  T* data() const { return view_.data(); }
  std::int64_t size() const { return static_cast<std::int64_t>(view_.extent(0)); }
  std::int64_t bytes() const { return size() * kElement; }

 private:
  static constexpr auto kElement = static_cast<std::int64_t>(sizeof(T));

  void swap(PoolVector& other) noexcept {
    std::swap(view_, other.view_);
    std::swap(own_, other.own_);
    std::swap(block_, other.block_);
  }

  Vector<T> view_;
  OwnedVector<T> own_;           // where it is no part
  MemoryPool* block_ = nullptr;  // whose part it is
};

// How much memory this process has had resident at most, from the kernel (Linux); 0 where it is not known.

inline std::int64_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return 1024 * std::stoll(line.substr(6));  // "VmHWM:   123 kB"
  }
  return 0;
}

// One planned allocation cut into typed slices. The owner first plans every slice, then allocates once, then takes the
// slices in any order; a slice is aligned to 64 bytes. The arena owns the memory; slices are valid as long as it lives.
//
//   Arena arena("recpo::llama::activations");
//   const auto x = arena.plan<float>(tokens * hidden);
//   arena.allocate();
//   Matrix<float> view = arena.matrix<float>(x, tokens, hidden);

class Arena {
 public:
  explicit Arena(std::string label) : label_(std::move(label)) {}

  struct Slice {
    std::int64_t offset_bytes = 0, elements = 0;
  };

  template <class T>
  Slice plan(std::int64_t elements) {
    RECPO_REQUIRE(memory_.size() == 0 && elements >= 0);
    const Slice slice{bytes_, elements};
    bytes_ += round_up(elements * static_cast<std::int64_t>(sizeof(T)), kAlignment);
    return slice;
  }

  void allocate() { memory_ = PoolVector<std::byte>::uninitialized(label_, bytes_); }
  std::int64_t bytes() const { return bytes_; }

  template <class T>
  Vector<T> vector(const Slice& slice, std::int64_t n) const {
    RECPO_REQUIRE(n <= slice.elements);
    return Vector<T>(pointer<T>(slice), n);
  }
  template <class T>
  Vector<T> vector(const Slice& slice) const {
    return vector<T>(slice, slice.elements);
  }
  template <class T>
  Matrix<T> matrix(const Slice& slice, std::int64_t rows, std::int64_t columns) const {
    RECPO_REQUIRE(rows * columns <= slice.elements);
    return Matrix<T>(pointer<T>(slice), rows, columns);
  }

 private:
  static constexpr std::int64_t kAlignment = 64;
  template <class T>
  T* pointer(const Slice& slice) const {
    RECPO_REQUIRE(memory_.size() == bytes_);
    return reinterpret_cast<T*>(memory_.data() + slice.offset_bytes);
  }

  std::string label_;
  std::int64_t bytes_ = 0;
  PoolVector<std::byte> memory_;
};

}  // namespace recpo
