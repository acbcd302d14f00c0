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
// A sum has one order, that of HostRow::sum or TeamRow::sum: the bits depend on the row alone, not on the number of
// threads nor, on the host, on the vector width. Local to the calling rank, asynchronous on `exec`.

#include <cstdint>
#include <type_traits>

#include "kernels/lanes.hpp"
#include "kernels/team_row.hpp"
#include "src/support/views.hpp"

namespace recpo::kernels {

// A row in one thread of the host, with loops for its vector units.
class HostRow {
 public:
  using Handle = std::int64_t;
  explicit HostRow(Handle index, bool) : index_(index) {}

  std::int64_t index() const { return index_; }

  // f(i) for i < n; the iterations are independent.
  template <class F>
  void for_each(int n, const F& f) const {
#pragma omp simd
    for (int i = 0; i < n; ++i) f(i);
  }

  template <class T, class F>
  void for_each_pack(int n, const F& f) const {
    for_each(n, f);
  }

  // f(group, i) for i < n in each of `groups` neighbouring stretches of a row.
  template <class T, class F>
  void for_each_pack_of_groups(int groups, int n, const F& f) const {
    for (int group = 0; group < groups; ++group) for_each(n, [&](int i) { f(group, i); });
  }

  // Element i goes to lane i % kLanes; lanes are put aside every kBlock elements, so that a long row is no chain of
  // thousands of roundings.
  template <class Sum, class F>
  Sum sum(int n, const F& f) const {
    Sum total[kLanes] = {};
    for (int begin = 0; begin < n; begin += kBlock) {
      const int end = n - begin < kBlock ? n : begin + kBlock;
      Sum block[kLanes] = {};
      fold_lanes(begin, end, block, [&](Sum& lane, int i) { lane += f(i); });
      for (int lane = 0; lane < kLanes; ++lane) total[lane] += block[lane];
    }
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int lane = 0; lane < width; ++lane) total[lane] += total[lane + width];
    }
    return total[0];
  }

  template <class T, class Sum, class F>
  Sum sum_packs(int n, const F& f) const {
    return sum<Sum>(n, [&](int i) { return static_cast<Sum>(f(i)); });
  }

  // kSums sums over one pass: f(k, i) for sum k.
  template <class T, class Sum, int kSums, class F>
  Lanes<Sum, kSums> several_sums(int n, const F& f) const {
    Lanes<Sum, kSums> sums;
    for (int k = 0; k < kSums; ++k) sums.lane[k] = sum_packs<T, Sum>(n, [&](int i) { return f(k, i); });
    return sums;
  }

  template <class Real>
  ExponentialSum<Real> exponential_sum(int n, const Real* x) const {
    const Real largest = max<Real>(n, [&](int i) { return x[i]; });
    return {largest, sum<Real>(n, [&](int i) { return exp(x[i] - largest); })};
  }

  // The largest f(i); NaN is passed over.
  template <class Value, class F>
  Value max(int n, const F& f) const {
    Value lanes[kLanes];
    for (Value& lane : lanes) lane = Kokkos::reduction_identity<Value>::max();
    fold_lanes(0, n, lanes, [&](Value& lane, int i) {
      const Value value = f(i);
      lane = value > lane ? value : lane;
    });
    for (int lane = 1; lane < kLanes; ++lane) lanes[0] = lanes[lane] > lanes[0] ? lanes[lane] : lanes[0];
    return lanes[0];
  }

  // f() once, after everything before it in the row and before everything after it.
  template <class F>
  void once(const F& f) const {
    f();
  }

 private:
  static constexpr int kLanes = 64;  // four vectors of 16 floats: enough independent sums to hide their latency
  static constexpr int kBlock = 64 * kLanes;

  template <class Lane, class F>
  static void fold_lanes(int begin, int end, Lane (&lanes)[kLanes], const F& f) {
    int i = begin;
    for (; i + kLanes <= end; i += kLanes) {
#pragma omp simd
      for (int lane = 0; lane < kLanes; ++lane) f(lanes[lane], i + lane);
    }
    for (int lane = 0; lane < end - i; ++lane) f(lanes[lane], i + lane);
  }

  std::int64_t index_;
};

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
  constexpr int kWarp = 32, kMaxWarps = 32;
  int warps = 1;
  while (warps < kMaxWarps && warps * kWarp * work < elements) warps *= 2;
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
