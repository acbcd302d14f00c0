#pragma once
// Element types of a checkpoint's arrays: float and double as they are, bfloat16 as its 16 bits (HDF5 has no such
// type).

#include <cstdint>
#include <span>
#include <type_traits>

#include "src/support/bfloat16.hpp"
#include "src/support/hdf5.hpp"

namespace recpo::checkpoint {

template <class T>
using ArrayElement = std::conditional_t<std::is_same_v<T, Bfloat16>, std::uint16_t, T>;

template <class T>
inline constexpr const char* kDtype = std::is_same_v<T, float>    ? "float32"
                                      : std::is_same_v<T, double> ? "float64"
                                                                  : "bfloat16";

template <class T>
void write_elements(hdf5::File& file, const std::string& array, std::int64_t begin, std::span<const T> values) {
  using Element = ArrayElement<T>;
  static_assert(sizeof(Element) == sizeof(T));
  file.write_slice<Element>(array, begin, {reinterpret_cast<const Element*>(values.data()), values.size()});
}

template <class T>
void read_elements(const hdf5::File& file, const std::string& array, std::int64_t begin, std::span<T> values) {
  using Element = ArrayElement<T>;
  file.read_slice<Element>(array, begin, {reinterpret_cast<Element*>(values.data()), values.size()});
}

}  // namespace recpo::checkpoint
