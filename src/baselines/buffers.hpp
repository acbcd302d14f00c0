#pragma once
// Memory that grows with the batches it has seen and is used again, for activations and small tables of numbers.

#include <vector>

#include "src/support/views.hpp"

namespace recpo::baselines {

// Contents are lost at each call of get().
template <class T>
class Buffer {
 public:
  Matrix<T> get(std::int64_t rows, std::int64_t columns) {
    const std::int64_t size = rows * columns;
    if (static_cast<std::int64_t>(memory_.extent(0)) < size) {
      memory_ = OwnedVector<T>(Kokkos::view_alloc("recpo::baselines::buffer", Kokkos::WithoutInitializing), size);
    }
    return Matrix<T>(memory_.data(), rows, columns);
  }
  Vector<T> get(std::int64_t size) { return Vector<T>(get(1, size).data(), size); }

 private:
  OwnedVector<T> memory_;
};

// Whole numbers from the host.
class Numbers {
 public:
  void assign(const std::vector<int>& values) {
    view_ = buffer_.get(static_cast<std::int64_t>(values.size()));
    Kokkos::deep_copy(view_, HostVector<const int>(values.data(), values.size()));
  }
  Vector<const int> view() const { return view_; }
  std::int64_t size() const { return view_.extent(0); }

 private:
  Buffer<int> buffer_;
  Vector<int> view_;
};

// The columns [begin, end) of a matrix.
template <class T>
Matrix<T> columns(const Matrix<T>& matrix, std::int64_t begin, std::int64_t end) {
  return Kokkos::subview(matrix, Kokkos::ALL, Kokkos::pair<std::int64_t, std::int64_t>(begin, end));
}
// The rows [begin, end).
template <class T>
Matrix<T> rows(const Matrix<T>& matrix, std::int64_t begin, std::int64_t end) {
  return Kokkos::subview(matrix, Kokkos::pair<std::int64_t, std::int64_t>(begin, end), Kokkos::ALL);
}

}  // namespace recpo::baselines
