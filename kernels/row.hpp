#pragma once
// How a kernel runs over rows: one thread a row with vector loops on the host, one team of threads a row on the
// device. Kernels are written once, against `Row`:
//   for_each_row(exec, "recpo::file::what", T, H, KOKKOS_LAMBDA(const Row& row) {
//     const T* x_row = &x(row.index(), 0);
//     const float sum = row.sum<float>(H, [&](int i) { return x_row[i]; });   // every thread of the row gets it
//     row.for_each(H, [&](int i) { y_row[i] = x_row[i] * sum; });
//   });
// Kernels bound by memory take their elements in packs (lanes.hpp): for_each_pack<T> calls f(i) with an integer on the
// host and, where `packed` was said at the launch, with packs of 16 bytes of T on the device.
// A sum has one order, written in host_row.hpp and team.hpp: the bits depend on the row alone, not on the number of
// threads nor, on the host, on the vector width. Local to the calling rank, asynchronous on `exec`.

#include <type_traits>

#include "kernels/host_row.hpp"
#include "kernels/team_row.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

// The one place that chooses. A host build with RECPO_TEAM_ROWS goes the device's way, for the sanitizers to watch.
#ifdef RECPO_TEAM_ROWS
inline constexpr bool kRowsOnHost = false;
#else
inline constexpr bool kRowsOnHost = kOnHost;
#endif
using Row = std::conditional_t<kRowsOnHost, HostRow, TeamRow>;

template <class Body>
struct RowFunctor {
  Body body;
  bool packed;
  KOKKOS_FUNCTION void operator()(const Row::Handle& handle) const { body(Row(handle, packed)); }
};

namespace detail {
// One row's threads on the device: each works on about `kWork` packs (or elements) of it, 1024 threads at most.
inline int warps_of_row(std::int64_t elements, int work) {
  constexpr int kWarp = 32, kMostWarps = 32;
  int warps = 1;
  while (warps < kMostWarps && warps * kWarp * work < elements) warps *= 2;
  return warps;
}

template <class Body>
void launch_rows(const ExecSpace& exec, const char* label, std::int64_t rows, int warps, bool packed,
                 const Body& body) {
  const RowFunctor<Body> functor{body, packed};
  if constexpr (kOnHost) {
    Kokkos::parallel_for(label, RangePolicy(exec, 0, rows), functor);
  } else {
    constexpr int kWarp = 32;
    // A kernel that uses many registers has smaller teams.
    const int most = TeamPolicy(exec, 1, 1, kWarp).team_size_max(functor, Kokkos::ParallelForTag());
    while (warps > most) warps /= 2;
    Kokkos::parallel_for(label, TeamPolicy(exec, static_cast<int>(rows), warps, kWarp), functor);
  }
}
}  // namespace detail

// body(row) for `rows` rows of about `width` elements.
template <class Body>
void for_each_row(const ExecSpace& exec, const char* label, std::int64_t rows, std::int64_t width, const Body& body) {
  detail::launch_rows(exec, label, rows, detail::warps_of_row(width, 4), false, body);
}

// The same for rows whose elements are taken in packs of T, `packed` where they may be (packable()).
template <class T, class Body>
void for_each_packed_row(const ExecSpace& exec, const char* label, std::int64_t rows, std::int64_t width, bool packed,
                         const Body& body) {
  const std::int64_t packs = packed ? width / kPackSize<T> : width;
  detail::launch_rows(exec, label, rows, detail::warps_of_row(packs, packed ? 2 : 4), packed, body);
}

// A long vector as rows that stay in the first-level cache.
struct ElementChunk {
  static constexpr std::int64_t kSize = 4096;
  std::int64_t begin;
  int count;
  KOKKOS_FUNCTION ElementChunk(std::int64_t index, std::int64_t n)
      : begin(index * kSize), count(static_cast<int>(n - begin < kSize ? n - begin : kSize)) {}
  static std::int64_t number(std::int64_t n) { return (n + kSize - 1) / kSize; }
};

// f(i) for i < n, independent.
template <class F>
void for_each_element(const ExecSpace& exec, const char* label, std::int64_t n, const F& f) {
  for_each_row(
      exec, label, ElementChunk::number(n), ElementChunk::kSize, KOKKOS_LAMBDA(const Row& row) {
        const ElementChunk chunk(row.index(), n);
        row.for_each(chunk.count, [&](int i) { f(chunk.begin + i); });
      });
}

}  // namespace recpo::kernels
