#pragma once
// Copies of device buffers through a bounded host staging buffer, for reading and writing files.

#include <algorithm>
#include <span>
#include <vector>

#include "src/model/parameter_store.hpp"
#include "src/support/views.hpp"

namespace recpo::checkpoint {

constexpr std::int64_t kPieceElements = std::int64_t{1} << 22;

// One parameter's elements in a buffer laid out like the store's weights, without padding rows.
template <class T>
Vector<T> valid_part(const Vector<T>& buffer, const model::Parameter& parameter) {
  return Vector<T>(buffer.data() + parameter.offset, parameter.valid_rows * parameter.columns());
}

// visit(begin, piece) for consecutive pieces of `values`, copied to the host.
template <class T, class Visit>
void read_pieces(const Vector<T>& values, Visit visit) {
  const auto size = static_cast<std::int64_t>(values.extent(0));
  std::vector<T> piece(static_cast<std::size_t>(std::min(size, kPieceElements)));
  for (std::int64_t begin = 0; begin < size; begin += kPieceElements) {
    const std::int64_t count = std::min(size - begin, kPieceElements);
    Kokkos::deep_copy(HostVector<T>(piece.data(), count), Vector<T>(values.data() + begin, count));
    visit(begin, std::span<const T>(piece.data(), static_cast<std::size_t>(count)));
  }
}

// fill(begin, piece) for consecutive pieces, each then copied into `values`.
template <class T, class Fill>
void write_pieces(const Vector<T>& values, Fill fill) {
  const auto size = static_cast<std::int64_t>(values.extent(0));
  std::vector<T> piece(static_cast<std::size_t>(std::min(size, kPieceElements)));
  for (std::int64_t begin = 0; begin < size; begin += kPieceElements) {
    const std::int64_t count = std::min(size - begin, kPieceElements);
    fill(begin, std::span<T>(piece.data(), static_cast<std::size_t>(count)));
    Kokkos::deep_copy(Vector<T>(values.data() + begin, count), HostVector<T>(piece.data(), count));
  }
}

}  // namespace recpo::checkpoint
