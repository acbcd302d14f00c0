#pragma once
// One planned allocation cut into typed slices. The owner first plans every slice, then allocates once, then takes the
// slices in any order; a slice is aligned to 64 bytes. The arena owns the memory; slices are valid as long as it lives.
//
//   Arena arena("recpo::llama::activations");
//   const auto x = arena.plan<float>(tokens * hidden);
//   arena.allocate();
//   Matrix<float> view = arena.matrix<float>(x, tokens, hidden);

#include <string>

#include "src/support/planned_vector.hpp"

namespace recpo {

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
    bytes_ += (elements * static_cast<std::int64_t>(sizeof(T)) + kAlignment - 1) / kAlignment * kAlignment;
    return slice;
  }

  void allocate() { memory_ = PlannedVector<std::byte>::uninitialized(label_, bytes_); }
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
  PlannedVector<std::byte> memory_;
};

}  // namespace recpo
