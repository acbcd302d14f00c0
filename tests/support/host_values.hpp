#pragma once
// Vectors of the device as host values and back, for tests that look at single elements or move them. Both wait for the
// work that came before.

#include <type_traits>
#include <vector>

#include "src/support/views.hpp"

namespace recpo::test {

template <class T>
std::vector<std::remove_const_t<T>> host_values(const Vector<T>& device) {
  std::vector<std::remove_const_t<T>> values(device.extent(0));
  Kokkos::deep_copy(HostVector<std::remove_const_t<T>>(values.data(), values.size()), device);
  return values;
}

template <class T>
void set_values(const Vector<T>& device, const std::vector<T>& values) {
  Kokkos::deep_copy(device, HostVector<const T>(values.data(), values.size()));
}

// Element by element in another type.
template <class From, class To>
void copy_values(const Vector<From>& from, const Vector<To>& to) {
  const std::vector<std::remove_const_t<From>> values = host_values(from);
  set_values(to, std::vector<To>(values.begin(), values.end()));
}

}  // namespace recpo::test
