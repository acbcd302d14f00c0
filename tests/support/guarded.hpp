#pragma once
// Memory for kernel tests: a strided matrix inside a larger allocation whose other elements are NaN. A kernel that
// reads outside its matrix makes a NaN of its result, one that writes outside changes a guard.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "src/support/random.hpp"
#include "src/support/views.hpp"

namespace recpo::test {

using Values = std::vector<double>;

// Normal numbers that T represents exactly, so that a kernel and its fp64 reference see the same input.
template <class T>
Values random_values(std::int64_t n, std::string_view stream, double scale = 1.0) {
  Random random(20240611, stream);
  Values values(n);
  for (double& value : values) value = static_cast<T>(scale * random.normal());
  return values;
}

inline OwnedVector<int> to_device(const std::vector<int>& values) {
  OwnedVector<int> device("recpo::test::ints", values.size());
  Kokkos::deep_copy(device, HostVector<const int>(values.data(), values.size()));
  return device;
}

template <class T>
class Guarded {
 public:
  Guarded(std::int64_t rows, std::int64_t columns, const Values& values)
      : rows_(rows),
        columns_(columns),
        storage_(Kokkos::view_alloc(Kokkos::WithoutInitializing, "recpo::test::guarded"),
                 2 * kGuard + rows * (columns + kPadding)) {
    std::vector<T> host(storage_.extent(0), std::numeric_limits<T>::quiet_NaN());
    for (std::int64_t i = 0; i < rows * columns; ++i) host[position(i)] = static_cast<T>(values[i]);
    Kokkos::deep_copy(storage_, HostVector<const T>(host.data(), host.size()));
  }
  // An output that its kernel assigns: NaN until then.
  Guarded(std::int64_t rows, std::int64_t columns)
      : Guarded(rows, columns, Values(rows * columns, std::numeric_limits<double>::quiet_NaN())) {}
  explicit Guarded(const Values& values) : Guarded(1, values.size(), values) {}

  Matrix<T> matrix() const {
    const Matrix<T> wide(storage_.data() + kGuard, rows_, columns_ + kPadding);
    return Kokkos::subview(wide, Kokkos::ALL, Kokkos::pair<std::int64_t, std::int64_t>(0, columns_));
  }
  Vector<T> vector() const { return Vector<T>(storage_.data() + kGuard, columns_); }

  std::vector<T> storage() const {
    std::vector<T> host(storage_.extent(0));
    Kokkos::deep_copy(HostVector<T>(host.data(), host.size()), storage_);
    return host;
  }

  // The matrix, row by row. Fails the test when a guard has changed.
  Values values() const {
    std::vector<T> host = storage();
    Values values(rows_ * columns_);
    for (std::int64_t i = 0; i < rows_ * columns_; ++i) {
      values[i] = host[position(i)];
      host[position(i)] = std::numeric_limits<T>::quiet_NaN();
    }
    for (const T guard : host) EXPECT_TRUE(std::isnan(guard)) << "written outside the matrix";
    return values;
  }

 private:
  static constexpr std::int64_t kGuard = 5, kPadding = 3;
  std::int64_t position(std::int64_t i) const { return kGuard + i / columns_ * (columns_ + kPadding) + i % columns_; }

  std::int64_t rows_, columns_;
  OwnedVector<T> storage_;
};

}  // namespace recpo::test
