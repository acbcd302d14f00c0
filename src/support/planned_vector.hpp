#pragma once
// Device memory that a plan counts: weights, gradients and their sums, moments, master weights, activations. A part of
// the stage's block (support/device_memory.hpp) where there is one with room; an allocation of its own otherwise, as in
// evaluation and in tests. The object owns the memory; it is moved, never copied.
//
//   const PlannedVector<float> weights("recpo::weights", size);                   // zeros
//   const auto sums = PlannedVector<float>::uninitialized("recpo::sums", size);
//   Vector<float> view = sums.view();

#include <string>
#include <utility>

#include "src/support/device_memory.hpp"

namespace recpo {

template <class T>
class PlannedVector {
 public:
  PlannedVector() = default;
  PlannedVector(const std::string& label, std::int64_t size) : PlannedVector(uninitialized(label, size)) {
    Kokkos::deep_copy(view_, T());
  }
  static PlannedVector uninitialized(const std::string& label, std::int64_t size) {
    PlannedVector vector;
    DeviceMemory* block = DeviceMemory::current();
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

  PlannedVector(PlannedVector&& other) noexcept { swap(other); }
  PlannedVector& operator=(PlannedVector&& other) noexcept {
    PlannedVector(std::move(other)).swap(*this);
    return *this;
  }
  ~PlannedVector() {
    if (block_ != nullptr) block_->give_back(reinterpret_cast<std::byte*>(data()), bytes());
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

  void swap(PlannedVector& other) noexcept {
    std::swap(view_, other.view_);
    std::swap(own_, other.own_);
    std::swap(block_, other.block_);
  }

  Vector<T> view_;
  OwnedVector<T> own_;             // where it is no part
  DeviceMemory* block_ = nullptr;  // whose part it is
};

}  // namespace recpo
