#pragma once
// How a kernel runs over rows: one thread a row with vector loops on the host, one team of threads a row on the
// device. Kernels are written once, against `Row`:
//   for_each_row(exec, "recpo::file::what", T, H, KOKKOS_LAMBDA(const Row& row) {
//     const T* x_row = &x(row.index(), 0);
//     const float sum = row.sum<float>(H, [&](int i) { return x_row[i]; });   // every thread of the row gets it
//     row.for_each(H, [&](int i) { y_row[i] = x_row[i] * sum; });
//   });
// A sum has one order, written in this file: the bits depend on the row alone, not on the number of threads nor, on
// the host, on the vector width. Local to the calling rank, asynchronous on `exec`.

#include <type_traits>

#include "src/support/views.hpp"

namespace recpo::kernels {

class HostRow {
 public:
  using Handle = std::int64_t;
  explicit HostRow(Handle index) : index_(index) {}

  std::int64_t index() const { return index_; }

  // f(i) for i < n; the iterations are independent.
  template <class F>
  void for_each(int n, const F& f) const {
#pragma omp simd
    for (int i = 0; i < n; ++i) f(i);
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

class TeamRow {
 public:
  using Handle = TeamMember;
  KOKKOS_FUNCTION explicit TeamRow(const Handle& team) : team_(team) {}

  KOKKOS_FUNCTION std::int64_t index() const { return team_.league_rank(); }

  template <class F>
  KOKKOS_FUNCTION void for_each(int n, const F& f) const {
    Kokkos::parallel_for(Kokkos::TeamVectorRange(team_, n), f);
  }

  template <class Sum, class F>
  KOKKOS_FUNCTION Sum sum(int n, const F& f) const {
    Sum result = 0;
    Kokkos::parallel_reduce(
        Kokkos::TeamVectorRange(team_, n), [&](int i, Sum& partial) { partial += f(i); }, result);
    return result;
  }

  template <class Value, class F>
  KOKKOS_FUNCTION Value max(int n, const F& f) const {
    Value result;
    const auto fold = [&](int i, Value& largest) {
      const Value value = f(i);
      largest = value > largest ? value : largest;
    };
    Kokkos::parallel_reduce(Kokkos::TeamVectorRange(team_, n), fold, Kokkos::Max<Value>(result));
    return result;
  }

  template <class F>
  KOKKOS_FUNCTION void once(const F& f) const {
    team_.team_barrier();
    Kokkos::single(Kokkos::PerTeam(team_), f);
    team_.team_barrier();
  }

 private:
  const TeamMember& team_;
};

// The one place that chooses.
inline constexpr bool kRowsOnHost = std::is_same_v<MemSpace, HostSpace>;
using Row = std::conditional_t<kRowsOnHost, HostRow, TeamRow>;

template <class Body>
struct RowFunctor {
  Body body;
  KOKKOS_FUNCTION void operator()(const Row::Handle& handle) const { body(Row(handle)); }
};

// body(row) for `rows` rows of about `width` elements.
template <class Body>
void for_each_row(const ExecSpace& exec, const char* label, std::int64_t rows, std::int64_t width, const Body& body) {
  if constexpr (kRowsOnHost) {
    Kokkos::parallel_for(label, RangePolicy(exec, 0, rows), RowFunctor<Body>{body});
  } else {
    constexpr int kWarp = 32;
    int warps = 1;  // about four elements a thread, at most 1024 threads
    while (warps < kWarp && warps * kWarp * 4 < width) warps *= 2;
    Kokkos::parallel_for(label, TeamPolicy(exec, static_cast<int>(rows), warps, kWarp), RowFunctor<Body>{body});
  }
}

// f(i) for i < n, independent: whole vectors, cut into rows that stay in the first-level cache.
template <class F>
void for_each_element(const ExecSpace& exec, const char* label, std::int64_t n, const F& f) {
  constexpr std::int64_t kChunk = 4096;
  for_each_row(
      exec, label, (n + kChunk - 1) / kChunk, kChunk, KOKKOS_LAMBDA(const Row& row) {
        const std::int64_t begin = row.index() * kChunk;
        const int count = static_cast<int>(n - begin < kChunk ? n - begin : kChunk);
        row.for_each(count, [&](int i) { f(begin + i); });
      });
}

}  // namespace recpo::kernels
