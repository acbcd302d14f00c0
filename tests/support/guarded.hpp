#pragma once
// Memory for kernel tests: a strided matrix inside a larger allocation whose other elements, the guards, are NaN, each
// with a payload of its own. A kernel that reads outside its matrix makes a NaN of its result; one that writes outside
// changes the bits of a guard, even where it copies a NaN it has read outside another matrix.

#include <gtest/gtest.h>

#include <bit>
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
    std::vector<T> host(storage_.extent(0));
    for (std::size_t i = 0; i < host.size(); ++i) host[i] = guard(i);
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

  // The matrix, row by row. Fails the test when a guard has changed.
  std::vector<T> storage() const {
    std::vector<T> host(storage_.extent(0)), matrix(rows_ * columns_);
    Kokkos::deep_copy(HostVector<T>(host.data(), host.size()), storage_);
    for (std::int64_t i = 0; i < rows_ * columns_; ++i) {
      matrix[i] = host[position(i)];
      host[position(i)] = guard(position(i));
    }
    for (std::size_t i = 0; i < host.size(); ++i) {
      EXPECT_EQ(std::bit_cast<Bits>(host[i]), std::bit_cast<Bits>(guard(i))) << "written outside the matrix";
    }
    return matrix;
  }
  Values values() const {
    const std::vector<T> matrix = storage();
    return Values(matrix.begin(), matrix.end());
  }

 private:
  using Bits = std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
  static constexpr std::int64_t kGuard = 5, kPadding = 3;

  std::int64_t position(std::int64_t i) const { return kGuard + i / columns_ * (columns_ + kPadding) + i % columns_; }

  // A quiet NaN: the mark of this matrix above the position, both cut to the 22 bits a float has to spare, or the 6 of
  // bfloat16.
  T guard(std::int64_t position) const {
    constexpr int kMarkShift = sizeof(T) == 2 ? 3 : 12;
    constexpr std::int64_t kSpare = sizeof(T) == 2 ? 0x3F : 0x3FFFFF;
    const T nan(std::numeric_limits<Accumulate<T>>::quiet_NaN());
    const auto payload = static_cast<Bits>((mark_ << kMarkShift ^ position) & kSpare);
    return std::bit_cast<T>(static_cast<Bits>(std::bit_cast<Bits>(nan) | payload));
  }
  static std::int64_t next_mark() {
    static std::int64_t mark = 0;
    return ++mark;
  }

  std::int64_t rows_, columns_, mark_ = next_mark();
  OwnedVector<T> storage_;
};

}  // namespace recpo::test
