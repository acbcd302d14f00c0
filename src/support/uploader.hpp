#pragma once
// Asynchronous upload of many small host arrays in one copy, through page-locked memory that stays unchanged until
// recycle(). No fence. The uploader owns the memory on both sides; a view is valid until the next
// flush.
//
//   const auto a = uploader.stage(integers), b = uploader.stage(numbers);
//   uploader.flush(exec);
//   kernel(exec, uploader.view<int>(a), uploader.view<double>(b));

#include <cstddef>
#include <cstring>
#include <vector>

#include "src/support/views.hpp"

namespace recpo {

class Uploader {
 public:
  struct Slice {
    std::size_t offset_bytes = 0, elements = 0;
  };

  template <class T>
  Slice stage(const std::vector<T>& values) {
    const Slice slice{(staged_.size() + kAlignment - 1) / kAlignment * kAlignment, values.size()};
    staged_.resize(slice.offset_bytes + values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(staged_.data() + slice.offset_bytes, values.data(), values.size() * sizeof(T));
    return slice;
  }

  // Copies what was staged since the last flush, in the order of `exec`. Waits for `exec` only where it has been called
  // kMaxInFlight times without recycle(): the host runs ahead, but not so far that a device that hangs goes unnoticed.
  void flush(const ExecSpace& exec) {
    if (in_flight_ == kMaxInFlight) {
      exec.fence("recpo::uploader::flush");
      recycle();
    }
    if (in_flight_ == locked_.size()) locked_.emplace_back();
    Locked& locked = locked_[in_flight_++];
    const std::size_t bytes = staged_.size();
    reserve(locked, bytes);
    reserve(device_, bytes);
    if (bytes > 0) {
      std::memcpy(locked.data(), staged_.data(), bytes);
      Kokkos::deep_copy(exec, Vector<std::byte>(device_.data(), bytes), LockedPart(locked.data(), bytes));
    }
    staged_.clear();
  }
  // The copies that were flushed have been made: the caller has waited for them.
  void recycle() { in_flight_ = 0; }

  template <class T>
  Vector<const T> view(const Slice& slice) const {
    return Vector<const T>(reinterpret_cast<const T*>(device_.data() + slice.offset_bytes), slice.elements);
  }

 private:
  using Locked = Kokkos::View<std::byte*, Kokkos::LayoutRight, Kokkos::SharedHostPinnedSpace>;
  using LockedPart = Kokkos::View<const std::byte*, Kokkos::LayoutRight, Kokkos::SharedHostPinnedSpace, Unmanaged>;
  static constexpr std::size_t kMaxInFlight = 32, kAlignment = 16;

  // With room to spare: batches differ a little.
  template <class Memory>
  static void reserve(Memory& memory, std::size_t bytes) {
    if (memory.extent(0) >= bytes) return;
    memory = Memory();
    memory = Memory(Kokkos::view_alloc("recpo::uploader::staging", Kokkos::WithoutInitializing), bytes + bytes / 2);
  }

  std::vector<std::byte> staged_;
  std::vector<Locked> locked_;
  std::size_t in_flight_ = 0;
  OwnedVector<std::byte> device_;
};

}  // namespace recpo
